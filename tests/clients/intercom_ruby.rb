# Calls of the Ruby SDK (gem `intercom`), one JSON line for each: call, ok, why. URL, token and admin come from the environment.
require "json"
require "intercom"

ADMIN = ENV.fetch("INTERCOM_ADMIN_ID")
API = Intercom::Client.new(token: ENV.fetch("INTERCOM_ACCESS_TOKEN"), base_url: ENV.fetch("INTERCOM_BASE_URL"))
EQUAL = ->(field, value) { { query: { field: field, operator: "=", value: value }, per_page: 5 } }

conversation = API.conversations.search(**EQUAL.call("state", "open")).first.id
contact = API.contacts.search(**EQUAL.call("role", "user")).first
company = API.companies.all.first
made = {}
lead = -> { API.contacts.create(role: "lead") }

CALLS = {
  "admins.all" => -> { API.admins.all.map(&:name).include?("Ops Bot") },
  "admins.me" => -> { API.admins.me.id == ADMIN },
  "admins.find" => -> { API.admins.find(id: ADMIN).name == "Ops Bot" },
  "teams.all" => -> { API.teams.all.count > 3 },
  "teams.find" => -> { API.teams.find(id: "5001").name == "Support" },
  "segments.all" => -> { API.segments.all.count == 2 },
  "segments.find" => -> { API.segments.find(id: "seg-leads").name == "All leads" },
  "tags.all" => -> { API.tags.all.count > 10 },
  "tags.create" => -> { made[:tag] = API.tags.create(name: "ruby #{Time.now.to_f}") },
  "tags.delete" => -> { API.tags.delete(made[:tag]); true },
  "data_attributes.all" => -> { API.data_attributes.all.count > 10 },
  "data_attributes.create" => -> { API.data_attributes.create(name: "ruby#{Time.now.to_i}", model: "contact", data_type: "string") },
  "contacts.all" => -> { API.contacts.all.first(3).size == 3 },
  "contacts.find" => -> { API.contacts.find(id: contact.id).id == contact.id },
  "contacts.search" => -> { API.contacts.search(**EQUAL.call("role", "lead")).first(3).all? { |one| one.role == "lead" } },
  "contacts.create" => -> { made[:user] = API.contacts.create(email: "ruby-#{Time.now.to_f}@example.test", role: "user") },
  "contacts.save" => -> { contact.name = "Ruby"; API.contacts.save(contact).name == "Ruby" },
  "contacts.archive" => -> { API.contacts.archive(lead.call) },
  "contacts.unarchive" => -> { API.contacts.unarchive(lead.call) },
  "contacts.delete_archived_contact" => -> { API.contacts.delete_archived_contact(lead.call.id) },
  "contact.add_tag" => -> { contact.add_tag(id: "7004") },
  "contact.tags" => -> { contact.tags.map(&:id).include?("7004") },
  "contact.remove_tag" => -> { contact.remove_tag(id: "7004") },
  "contact.create_note" => -> { contact.create_note(body: "kept", admin_id: ADMIN) },
  "contact.notes" => -> { contact.notes.count > 0 },
  "contact.companies" => -> { contact.companies.count },
  "contact.segments" => -> { contact.segments.count == 1 },
  "contact.add_company" => -> { made[:user].add_company(id: company.id) },
  "contact.remove_company" => -> { made[:user].remove_company(id: company.id) },
  "companies.all" => -> { API.companies.all.first(3).size == 3 },
  "companies.find" => -> { API.companies.find(id: company.id).id == company.id },
  "companies.find by company_id" => -> { API.companies.find(company_id: company.company_id).id == company.id },
  "companies.create" => -> { made[:company] = API.companies.create(company_id: "ruby-1", name: "Ruby Ltd") },
  "companies.save" => -> { made[:company].name = "Ruby AG"; API.companies.save(made[:company]) },
  "companies.scroll" => -> { API.companies.scroll.each { |one| one }; true },
  "company.contacts" => -> { company.contacts.count > 0 },
  "companies.delete" => -> { API.companies.delete(made[:company]) },
  "conversations.all" => -> { API.conversations.all.first(3).size == 3 },
  "conversations.find" => -> { API.conversations.find(id: conversation).id == conversation },
  "conversations.search" => -> { API.conversations.search(**EQUAL.call("team_assignee_id", 5001)).first(3).size == 3 },
  "conversations.mark_read" => -> { API.conversations.mark_read(conversation) },
  "conversations.reply" => -> { API.conversations.reply(id: conversation, type: "admin", admin_id: ADMIN, message_type: "note", body: "x") },
  "conversations.reply_to_last" => lambda {
    holder = API.conversations.find(id: conversation).contacts.first.id
    API.conversations.reply_to_last(type: "admin", message_type: "note", body: "x", admin_id: ADMIN, intercom_user_id: holder)
  },
  "conversations.close" => -> { API.conversations.close(id: conversation, admin_id: ADMIN).state == "closed" },
  "conversations.open" => -> { API.conversations.open(id: conversation, admin_id: ADMIN).state == "open" },
  "conversations.snooze" => -> { API.conversations.snooze(id: conversation, admin_id: ADMIN, snoozed_until: 4_102_444_800).state == "snoozed" },
  "conversations.assign" => -> { API.conversations.assign(id: conversation, admin_id: ADMIN, assignee_id: "5002").team_assignee_id.to_i == 5002 },
  "conversation.add_tag" => -> { API.conversations.find(id: conversation).add_tag(id: "7004", admin_id: ADMIN) },
  "conversation.remove_tag" => -> { API.conversations.find(id: conversation).remove_tag(id: "7004", admin_id: ADMIN) },
  "conversation.add_contact" => lambda {
    API.conversations.find(id: conversation).add_contact(admin_id: ADMIN, customer: { intercom_user_id: lead.call.id })
  },
  "events.create" => -> { API.events.create(event_name: "seen", created_at: 1_700_000_000, email: "ruby@example.test"); true },
  "counts.for_app" => -> { API.counts.for_app },
  "articles.all" => -> { API.articles.all.first },
  "messages.create" => -> { API.messages.create(message_type: "inapp", body: "x", from: { type: "admin", id: ADMIN }, to: { type: "user", id: contact.id }) },
}.freeze

$stdout.sync = true
CALLS.each do |call, make|
  ok = false
  why = ""
  begin
    ok = make.call ? true : false
    why = "an unexpected answer" unless ok
  rescue StandardError => e
    why = e.message.include?("does not simulate") ? "not simulated" : "#{e.class}: #{e.message}"[0, 300]
  end
  puts JSON.generate(call: call, ok: ok, why: why)
end
