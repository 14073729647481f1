/** What the help panel says about each page: what it is for, which permission each action needs, and the guide. */
import type { Permission } from "../api/records";

/** The guides of the documentation that this server serves below `/help/guides`, with their titles. */
export const GUIDES = {
  "bulk-deletion": "Deleting from many accounts",
  controls: "Controls for an auditor",
  evidence: "Evidence for an auditor",
  failsafe: "The failsafe: the way in when the identity provider is down",
  "first-audit": "The first audit of a real organization",
  "least-privilege": "Least privilege, guardrails and alarms",
  notifications: "Notifications and schedules",
  preflight: "Finding policies that block root sessions",
  "recover-a-root-user": "Recovering a root user",
  "root-emails": "Root e-mail addresses",
  server: "Running a server",
  "several-organizations": "Several organizations",
  unlock: "Unlocking a bucket or queue",
} as const;

export interface PageHelp {
  about: readonly string[];
  /** None on a page whose actions depend on the role in each organization. */
  actions: readonly { what: string; permission: Permission }[];
  guide: keyof typeof GUIDES;
}

const READ_ACCOUNTS = { what: "See accounts", permission: "accounts:read" } as const;
const AUDIT = { what: "Run an audit", permission: "accounts:audit" } as const;
const REQUEST = { what: "Request a recovery window", permission: "windows:request" } as const;
const DELETE = { what: "Plan and delete root user credentials", permission: "root_credentials:delete" } as const;
const CANCEL = { what: "Cancel a job", permission: "jobs:cancel" } as const;

/** By the path in `PAGES` and `SERVER_PAGES`. */
export const HELP: { readonly [path: string]: PageHelp } = {
  "/": {
    about: [
      "The headline counts root logins that no one has secured yet, accounts that no reading shows, and accounts that the last attempt couldn't read. Each number leads to exactly those accounts.",
      "Waiting for you lists what only a person can decide: approvals, reviews, failed closings, exceptions that end.",
      "The trend starts on the first day with data. A reading holds until the next audit of all accounts; the last step is now.",
      "Safe to delete now counts member accounts whose credentials nobody used lately and that have no exception. The button makes a plan, which reads the accounts that weren't read in detail within the last hour, and changes nothing.",
    ],
    actions: [{ what: "See the set-up", permission: "setup:read" }, AUDIT, { what: "Change the set-up", permission: "setup:change" }],
    guide: "first-audit",
  },
  "/accounts": {
    about: [
      "Each account is shown as it was last read. Unknown says why: a policy blocks the audit, or the account wasn't read yet.",
      "A detailed audit also reads the age and last use of each credential. The filters on age and use need it.",
      "Keys of the tree: the arrows move, open and close; Space selects; Enter shows the account; Esc closes it.",
    ],
    actions: [READ_ACCOUNTS, AUDIT, DELETE, REQUEST, { what: "Add or remove an exception", permission: "exceptions:keep" }],
    guide: "first-audit",
  },
  "/accounts/delete": {
    about: [
      "A plan reads the accounts that weren't read in detail within the last hour, and changes nothing. The deletion reads each account again, deletes exactly what the plan shows, and skips an account that has changed since.",
      "An account counts as deleted only after a re-read shows that nothing is left.",
    ],
    actions: [{ what: "See a plan and its results", permission: "jobs:read" }, DELETE, CANCEL],
    guide: "bulk-deletion",
  },
  "/exceptions": {
    about: [
      "Deletion skips an account with an exception until its end. It also holds back a change of the root e-mail address.",
      "An ended exception stays in the list until it is extended or removed. The ledger keeps every change.",
    ],
    actions: [
      { what: "See exceptions", permission: "exceptions:read" },
      { what: "Add, extend or remove an exception", permission: "exceptions:keep" },
    ],
    guide: "bulk-deletion",
  },
  "/root-emails": {
    about: [
      "Each address is checked against the organization's domains, the approved pattern and the groups in this server's settings.",
      "AWS doesn't show who reads a mailbox. A person can attest that a group does, until a date.",
    ],
    actions: [
      { what: "See root e-mail addresses", permission: "root_emails:read" },
      { what: "Attest an address", permission: "root_emails:attest" },
      { what: "Approve a change of an address", permission: "root_emails:approve" },
      { what: "Change an address after its approval", permission: "root_emails:change" },
    ],
    guide: "root-emails",
  },
  "/windows": {
    about: [
      "A recovery window allows the recovery of one root user's password for a limited time. It closes by itself.",
      "The person who requests a window can't approve it.",
    ],
    actions: [
      REQUEST,
      { what: "Approve a request", permission: "windows:approve" },
      { what: "Deny a request", permission: "windows:deny" },
      { what: "Open an approved window", permission: "windows:activate" },
    ],
    guide: "recover-a-root-user",
  },
  "/windows/request": {
    about: [
      "The server checks the request before you send it: guardrails, the length of the window, and who can approve it.",
      "If the account has a root password already, the window governs this login: nothing is opened in AWS, and the closing deletes the login.",
    ],
    actions: [REQUEST],
    guide: "recover-a-root-user",
  },
  "/windows/:window_id": {
    about: [
      "The page shows what was requested, who approved it, what the root user did, and the proof that nothing was left.",
      "Closing deletes every root user credential of the account, then reads the account again.",
      "After you approve or deny a request, the page shows the next request that waits for you.",
    ],
    actions: [
      { what: "Approve a request", permission: "windows:approve" },
      { what: "Open an approved window", permission: "windows:activate" },
      { what: "Extend a window", permission: "windows:extend" },
      { what: "Close a window", permission: "windows:close" },
      { what: "Review an emergency", permission: "windows:review" },
    ],
    guide: "recover-a-root-user",
  },
  "/emergency-access": {
    about: [
      "The first line says whether the failsafe is in order: each check passed in the last 7 days, and the last drill is at most 90 days old.",
      "A failsafe counts as kept on purpose while its last check passed completely, or while a person attests it.",
      "A check opens a read-only root session in each failsafe. A drill is a sign-in as its root user.",
      "The set-up of a root login is a recovery window: others approve it, and you keep the login on the page of the window. If AWS refuses it to the server, use the command line: rootkeeper failsafe set-up.",
      "IAM describes only an account's own users and roles. For the others, run rootkeeper breakglass with credentials of that account.",
      "Depends: a condition of a policy decides. Unknown: the policy couldn't be read.",
      "Print gives black text on A4 without the navigation. The runbook is part of it.",
    ],
    actions: [
      { what: "See the page", permission: "failsafe:read" },
      { what: "See the results of checks", permission: "jobs:read" },
      { what: "Check now", permission: "failsafe:check" },
      { what: "Record a drill", permission: "failsafe:record_drill" },
      { what: "Attest a failsafe", permission: "failsafe:attest" },
      { what: "Set up a root login", permission: "windows:request" },
    ],
    guide: "failsafe",
  },
  "/guardrails": {
    about: [
      "For each account and task: whether the organization's policies allow it, and which statement blocks it if not.",
      "Denied is no block: AWS recommends to deny long-term root, and root sessions need no exemption from it.",
      "The check reads policies and simulates. It changes nothing.",
    ],
    actions: [
      { what: "See the last check", permission: "jobs:read" },
      { what: "Run preflight", permission: "preflights:run" },
    ],
    guide: "preflight",
  },
  "/unlock": {
    about: ["A bucket or queue policy can lock everyone out. Here you list, save, correct or remove such a policy by a root session."],
    actions: [{ what: "List, show and change policies", permission: "resource_policies:unlock" }],
    guide: "unlock",
  },
  "/reports": {
    about: [
      "An evidence report uses only what was read in its period. What wasn't read is reported as unknown, never as good.",
      "The calendar shows on which days of the period an audit of all accounts ended. Days are in UTC.",
    ],
    actions: [
      { what: "See audits and changes", permission: "history:read" },
      { what: "Download a report", permission: "reports:read" },
    ],
    guide: "evidence",
  },
  "/controls": {
    about: [
      "Each control of a framework has a verdict, with the checks that it rests on. What wasn't read is Unknown, never Pass.",
      "A control that needs a person's judgement is Manual until a person attests it, with a reason and an end.",
    ],
    actions: [
      { what: "See controls", permission: "reports:read" },
      { what: "Attest a control", permission: "controls:attest" },
    ],
    guide: "controls",
  },
  "/controls/control": {
    about: ["The accounts behind each check, the attestations of this control, its trend, and its changes since the last report."],
    actions: [
      { what: "See controls", permission: "reports:read" },
      { what: "Attest a control", permission: "controls:attest" },
    ],
    guide: "controls",
  },
  "/jobs": {
    about: ["Everything that takes longer than a moment is a job. A job that was interrupted continues where it stopped."],
    actions: [{ what: "See jobs", permission: "jobs:read" }, CANCEL],
    guide: "server",
  },
  "/jobs/:job_id": {
    about: ["A cancelled job finishes what it has begun, and starts nothing more. Finished work isn't undone."],
    actions: [{ what: "See jobs", permission: "jobs:read" }, CANCEL],
    guide: "server",
  },
  "/ledger": {
    about: [
      "Each privileged call has an entry before it is sent, its intent, and one with its outcome.",
      "A verification checks the whole chain, its copies and the head in the anchor.",
    ],
    actions: [
      { what: "See the ledger", permission: "ledger:read" },
      { what: "Verify the ledger", permission: "ledger:verify" },
    ],
    guide: "evidence",
  },
  "/policies": {
    about: [
      "The same texts that the policies commands print. They are made from the organization as AWS shows it now.",
      "Rootkeeper deploys and attaches nothing. Attach a service control policy to a test unit first, and run a preflight.",
    ],
    actions: [{ what: "See, copy and download policies", permission: "setup:read" }],
    guide: "least-privilege",
  },
  "/notifications": {
    about: [
      "A target gets each notification of its lowest severity or above. Its URL is a secret and isn't shown.",
      "A test message is sent at once, to see whether the target accepts it.",
    ],
    actions: [
      { what: "See targets and the log", permission: "notifications:read" },
      { what: "Send a test message", permission: "notifications:test" },
      { what: "Add, change or remove a target", permission: "settings:change" },
    ],
    guide: "notifications",
  },
  "/settings": {
    about: [
      "Your sign-ins and second factors, and for administrators users, tokens and the settings of this server.",
      "Each setting says where its value comes from: the default, the settings file, a variable, or a change in the console. A list that file or variable gives can't be changed here. A limit can only be made stricter.",
      "A change holds at once, on every server and worker. The ledger has the old value, the new one and the reason.",
      "Times are in words; a cron expression is the advanced form. If no server ran when a run was due, one run replaces the missed ones.",
      "Users are invited, and reset, by a link that works once, and set their own password. Change yours in the menu with your name.",
    ],
    actions: [
      { what: "See the settings of this server", permission: "settings:read" },
      { what: "Change a setting, with a reason and a second factor", permission: "settings:change" },
      { what: "See schedules and their runs", permission: "schedules:read" },
      { what: "See targets of notifications", permission: "notifications:read" },
      { what: "Send a test message", permission: "notifications:test" },
      { what: "Manage users and tokens", permission: "identities:manage" },
    ],
    guide: "server",
  },
  "/organizations": {
    about: [
      "Each organization in which you have a role, the most to do first: failed closings, then organizations that aren't known, then root logins left to secure.",
      "An organization that can't be read is unknown, with the reason, and isn't in the sums. An old number stays, with the reason.",
      "Audit all starts an audit in each organization at the same time. One that refuses or is slow delays no other.",
      "The menu at the top leads to the same page of another organization.",
    ],
    actions: [],
    guide: "several-organizations",
  },
  "/set-up": {
    about: [
      "Turns on trusted access, both features and the delegated administrator. What is on already stays on.",
      "If this server has roles for its work, AWS denies the change here. Use the command line with credentials of the management account.",
    ],
    actions: [
      { what: "See the set-up", permission: "setup:read" },
      { what: "Change the set-up", permission: "setup:change" },
    ],
    guide: "first-audit",
  },
};
