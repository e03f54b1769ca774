// Calls of intercom-client 5 and later, one JSON line for each: call, ok, why. URL, token and admin come from the environment.
const { IntercomClient } = require("intercom-client");
const url = process.env.INTERCOM_BASE_URL;
const admin = process.env.INTERCOM_ADMIN_ID;
const client = new IntercomClient({ token: process.env.INTERCOM_ACCESS_TOKEN, environment: url, baseUrl: url, maxRetries: 0 });
const query = (field, value) => ({ query: { field, operator: "=", value }, pagination: { per_page: 5 } });
const list = (page) => page.data ?? page.conversations ?? page.tickets ?? page.items;
let serial = 0;
const lead = async () => (await client.contacts.create({ role: "lead" })).id;
const user = async () => (await client.contacts.create({ email: `node-${Date.now()}-${++serial}@example.test` })).id;
const note = (id) => client.conversations.reply({ conversation_id: id, body: { message_type: "note", type: "admin", admin_id: admin, body: "x" } });
const manage = (id, body) => client.conversations.manage({ conversation_id: id, body: { admin_id: admin, ...body } });

async function main() {
  const conversation = list(await client.conversations.search(query("state", "open")))[0].id;
  const contact = list(await client.contacts.search(query("role", "user")))[0].id;
  const company = list(await client.companies.list({ page: 1, per_page: 5 }))[0].id;
  const ticket = list(await client.tickets.search(query("category", "request")))[0].id;
  const made = {};
  const calls = {
    "admins.identify": () => client.admins.identify(),
    "admins.list": () => client.admins.list(),
    "admins.find": () => client.admins.find({ admin_id: Number(admin) }),
    "admins.away": () => client.admins.away({ admin_id: 991267702, away_mode_enabled: true, away_mode_reassign: false }),
    "teams.list": () => client.teams.list(),
    "teams.find": () => client.teams.find({ team_id: "5001" }),
    "segments.list": () => client.segments.list({ include_count: true }),
    "segments.find": () => client.segments.find({ segment_id: "seg-leads" }),
    "subscriptionTypes.list": () => client.subscriptionTypes.list(),
    "dataAttributes.list": () => client.dataAttributes.list({ model: "contact" }),
    "dataAttributes.create": () => client.dataAttributes.create({ name: `node${Date.now()}`, model: "contact", data_type: "string" }),
    "contacts.create": async () => (made.user = await user()),
    "contacts.find": () => client.contacts.find({ contact_id: contact }),
    "contacts.list": () => client.contacts.list({ per_page: 5 }),
    "contacts.search": async () => list(await client.contacts.search(query("role", "lead"))).every((one) => one.role === "lead"),
    "contacts.update": async () => (await client.contacts.update({ contact_id: contact, name: "Node" })).name === "Node",
    "contacts.archive": async () => (await client.contacts.archive({ contact_id: await lead() })).archived,
    "contacts.unarchive": async () => client.contacts.unarchive({ contact_id: await lead() }),
    "contacts.blockContact": async () => client.contacts.blockContact({ contact_id: await lead() }),
    "contacts.delete": async () => (await client.contacts.delete({ contact_id: await lead() })).deleted,
    "contacts.listAttachedCompanies": () => client.contacts.listAttachedCompanies({ contact_id: contact }),
    "contacts.listAttachedSegments": () => client.contacts.listAttachedSegments({ contact_id: contact }),
    "contacts.listAttachedTags": () => client.contacts.listAttachedTags({ contact_id: contact }),
    "contacts.listAttachedSubscriptions": () => client.contacts.listAttachedSubscriptions({ contact_id: contact }),
    "contacts.attachSubscription": () => client.contacts.attachSubscription({ contact_id: contact, subscription_id: "37846", id: "37846", consent_type: "opt_in" }),
    "notes.create": () => client.notes.create({ contact_id: contact, body: "kept", admin_id: admin }),
    "notes.list": () => client.notes.list({ contact_id: contact }),
    "companies.createOrUpdate": async () => (made.company = (await client.companies.createOrUpdate({ company_id: "node-1", name: "Node Ltd" })).id),
    "companies.find": () => client.companies.find({ company_id: company }),
    "companies.list": () => client.companies.list({ page: 1, per_page: 5 }),
    "companies.retrieve": () => client.companies.retrieve({ per_page: 5 }),
    "companies.scroll": () => client.companies.scroll(),
    "companies.update": () => client.companies.update({ company_id: company }),
    "companies.attachContact": () => client.companies.attachContact({ contact_id: made.user, id: made.company, company_id: made.company }),
    "companies.detachContact": () => client.companies.detachContact({ contact_id: made.user, company_id: made.company }),
    "companies.listAttachedContacts": () => client.companies.listAttachedContacts({ company_id: company }),
    "companies.delete": () => client.companies.delete({ company_id: made.company }),
    "conversations.create": () => client.conversations.create({ from: { type: "user", id: contact }, body: "Hello" }),
    "conversations.find": async () => (await client.conversations.find({ conversation_id: conversation })).id === conversation,
    "conversations.list": () => client.conversations.list({ per_page: 5 }),
    "conversations.search": async () => list(await client.conversations.search(query("team_assignee_id", 5001))).length === 5,
    "conversations.update": () => client.conversations.update({ conversation_id: conversation, read: true }),
    "conversations.reply": () => note(conversation),
    "conversations.manage close": async () => (await manage(conversation, { message_type: "close", type: "admin" })).state === "closed",
    "conversations.manage open": async () => (await manage(conversation, { message_type: "open" })).state === "open",
    "conversations.manage snooze": async () => (await manage(conversation, { message_type: "snoozed", snoozed_until: 4102444800 })).state === "snoozed",
    "conversations.manage assign": async () => (await manage(conversation, { message_type: "assignment", type: "team", assignee_id: "5002" })).team_assignee_id == 5002,
    "conversations.attachContactAsAdmin": async () => client.conversations.attachContactAsAdmin({ conversation_id: conversation, admin_id: admin, customer: { intercom_user_id: (made.lead = await lead()) } }),
    "conversations.detachContactAsAdmin": () => client.conversations.detachContactAsAdmin({ conversation_id: conversation, contact_id: made.lead, admin_id: admin }),
    "tags.create": async () => (made.tag = (await client.tags.create({ name: `node ${Date.now()}` })).id),
    "tags.list": () => client.tags.list(),
    "tags.tagContact": () => client.tags.tagContact({ contact_id: contact, tag_id: "7004", id: "7004" }),
    "tags.untagContact": () => client.tags.untagContact({ contact_id: contact, tag_id: "7004" }),
    "tags.tagConversation": () => client.tags.tagConversation({ conversation_id: conversation, tag_id: "7004", id: "7004", admin_id: admin }),
    "tags.untagConversation": () => client.tags.untagConversation({ conversation_id: conversation, tag_id: "7004", admin_id: admin }),
    "tags.delete": () => client.tags.delete({ tag_id: made.tag }).then(() => true),
    "tickets.create": async () => (made.ticket = (await client.tickets.create({ ticket_type_id: "101", contacts: [{ id: contact }] })).id),
    "tickets.get": () => client.tickets.get({ ticket_id: ticket }),
    "tickets.search": () => client.tickets.search(query("category", "request")),
    "tickets.update": async () => (await client.tickets.update({ ticket_id: ticket, open: false })).open === false,
    "tickets.reply": () => client.tickets.reply({ ticket_id: ticket, body: { message_type: "note", type: "admin", admin_id: admin, body: "x" } }),
    "tickets.deleteTicket": () => client.tickets.deleteTicket({ ticket_id: made.ticket }),
    "ticketStates.listTicketStates": () => client.ticketStates.listTicketStates(),
    "ticketTypes.list": () => client.ticketTypes.list(),
    "ticketTypes.get": () => client.ticketTypes.get({ ticket_type_id: "101" }),
    "events.create": () => client.events.create({ event_name: "seen", created_at: 1700000000, email: "node@example.test" }).then(() => true),
  };
  for (const [call, make] of Object.entries(calls)) {
    let ok = false, why = "";
    try { ok = Boolean(await make()); if (!ok) why = "an unexpected answer"; }
    catch (error) { why = error.statusCode === 501 ? "not simulated" : String(error.message ?? error).replace(/\s+/g, " ").slice(0, 300); }
    console.log(JSON.stringify({ call, ok, why }));
  }
}
main().catch((error) => { console.error(error); process.exit(1); });
