// Calls of intercom-client 4, which sends the token as the user name of Basic authentication. Otherwise as intercom_client.cjs.
const intercom = require("intercom-client");
const url = process.env.INTERCOM_BASE_URL;
const adminId = process.env.INTERCOM_ADMIN_ID;
const client = new intercom.Client({ tokenAuth: { token: process.env.INTERCOM_ACCESS_TOKEN } });
client.useRequestOpts({ baseURL: url });
const query = (field, value) => ({ data: { query: { field, operator: "=", value }, pagination: { per_page: 5 } } });
const list = (page) => page.data ?? page.conversations;
let serial = 0;
const lead = async () => (await client.contacts.createLead({ name: "Lead" })).id;
const user = async () => (await client.contacts.createUser({ email: `old-${Date.now()}-${++serial}@example.test` })).id;

async function main() {
  const id = list(await client.conversations.search(query("state", "open")))[0].id;
  const contact = list(await client.contacts.search(query("role", "user")))[0].id;
  const own = list(await client.companies.list({ page: 1, perPage: 5 }))[0];
  const company = own.id;
  const made = {};
  const calls = {
    "admins.list": () => client.admins.list(),
    "admins.find": () => client.admins.find({ id: adminId }),
    "admins.away": () => client.admins.away({ adminId: "991267702", enableAwayMode: true, enableReassignMode: false }),
    "teams.list": () => client.teams.list(),
    "teams.find": () => client.teams.find({ id: "5001" }),
    "segments.list": () => client.segments.list({ includeCount: true }),
    "segments.find": () => client.segments.find({ id: "seg-leads", includeCount: true }),
    "subscriptions.listTypes": () => client.subscriptions.listTypes(),
    "dataAttributes.list": () => client.dataAttributes.list({ model: "contact" }),
    "dataAttributes.create": () => client.dataAttributes.create({ name: `old${Date.now()}`, model: "contact", dataType: "string" }),
    "contacts.createUser": async () => (made.user = await user()),
    "contacts.createLead": () => lead(),
    "contacts.find": () => client.contacts.find({ id: contact }),
    "contacts.list": () => client.contacts.list({ perPage: 5 }),
    "contacts.search": async () => list(await client.contacts.search(query("role", "lead"))).every((one) => one.role === "lead"),
    "contacts.update": async () => (await client.contacts.update({ id: contact, name: "Old" })).name === "Old",
    "contacts.archive": async () => (await client.contacts.archive({ id: await lead() })).archived,
    "contacts.unarchive": async () => client.contacts.unarchive({ id: await lead() }),
    "contacts.delete": async () => (await client.contacts.delete({ id: await lead() })).deleted,
    "contacts.listAttachedCompanies": () => client.contacts.listAttachedCompanies({ id: contact, page: 1, perPage: 5 }),
    "contacts.listAttachedSegments": () => client.contacts.listAttachedSegments({ id: contact }),
    "contacts.listAttachedTags": () => client.contacts.listAttachedTags({ id: contact }),
    "notes.create": () => client.notes.create({ contactId: contact, body: "kept", adminId }),
    "notes.list": () => client.notes.list({ contactId: contact, page: 1, perPage: 5 }),
    "companies.create": async () => (made.company = (await client.companies.create({ companyId: "old-1", name: "Old Ltd" })).id),
    "companies.find": () => client.companies.find({ companyId: own.company_id }),
    "companies.find by name": () => client.companies.find({ name: "Old Ltd" }),
    "companies.list": () => client.companies.list({ page: 1, perPage: 5 }),
    "companies.attachContact": () => client.companies.attachContact({ contactId: made.user, companyId: made.company }),
    "companies.detachContact": () => client.companies.detachContact({ contactId: made.user, companyId: made.company }),
    "companies.listAttachedContacts": () => client.companies.listAttachedContacts({ companyId: company, page: 1, perPage: 5 }),
    "companies.listAttachedSegments": () => client.companies.listAttachedSegments({ companyId: company }),
    "companies.delete": () => client.companies.delete({ id: made.company }),
    "conversations.create": () => client.conversations.create({ userId: contact, type: "user", body: "Hello" }),
    "conversations.find": async () => (await client.conversations.find({ id })).id === id,
    "conversations.list": () => client.conversations.list({ perPage: 5 }),
    "conversations.search": async () => list(await client.conversations.search(query("team_assignee_id", 5001))).length === 5,
    "conversations.update": () => client.conversations.update({ id, markRead: true }),
    "conversations.replyByIdAsAdmin": () => client.conversations.replyByIdAsAdmin({ id, adminId, messageType: "note", body: "x" }),
    "conversations.replyByIdAsUser": () => client.conversations.replyByIdAsUser({ id, intercomUserId: contact, body: "x" }),
    "conversations.close": async () => (await client.conversations.close({ id, adminId })).state === "closed",
    "conversations.open": async () => (await client.conversations.open({ id, adminId })).state === "open",
    "conversations.snooze": async () => (await client.conversations.snooze({ id, adminId, snoozedUntil: 4102444800 })).state === "snoozed",
    "conversations.assign": async () => (await client.conversations.assign({ id, type: "team", adminId, assigneeId: "5002" })).team_assignee_id == 5002,
    "conversations.attachContactAsAdmin": async () => client.conversations.attachContactAsAdmin({ id, adminId, customer: { intercomUserId: (made.lead = await lead()) } }),
    "conversations.detachContactAsAdmin": () => client.conversations.detachContactAsAdmin({ conversationId: id, contactId: made.lead, adminId }),
    "tags.create": async () => (made.tag = (await client.tags.create({ name: `old ${Date.now()}` })).id),
    "tags.list": () => client.tags.list(),
    "tags.tagContact": () => client.tags.tagContact({ contactId: contact, tagId: "7004" }),
    "tags.untagContact": () => client.tags.untagContact({ contactId: contact, tagId: "7004" }),
    "tags.tagConversation": () => client.tags.tagConversation({ conversationId: id, tagId: "7004", adminId }),
    "tags.untagConversation": () => client.tags.untagConversation({ conversationId: id, tagId: "7004", adminId }),
    "tags.delete": async () => { await client.tags.delete({ id: made.tag }); return true; },
    "events.create": async () => { await client.events.create({ eventName: "seen", createdAt: 1700000000, userId: "1" }); return true; },
    "counts.forApp": () => client.counts.forApp(),
    "articles.list": () => client.articles.list({ page: 1, perPage: 5 }),
  };
  for (const [call, make] of Object.entries(calls)) {
    let ok = false, why = "";
    try { ok = Boolean(await make()); if (!ok) why = "an unexpected answer"; }
    catch (error) { const status = error.statusCode ?? error.response?.status; why = status === 501 || String(error.message).includes("does not simulate") ? "not simulated" : `${status ?? ""} ${error.message ?? error}`.trim().slice(0, 300); }
    console.log(JSON.stringify({ call, ok, why }));
  }
}
main().catch((error) => { console.error(error); process.exit(1); });
