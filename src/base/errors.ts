// One error class and one table: code → category → exit code and remedy (STYLE.md). The codes are the API.

export type ErrorCategory = 'unexpected' | 'usage' | 'config' | 'auth' | 'denied' | 'upstream' | 'journal' | 'pending' | 'cancelled';

export const exitCodes = {
  unexpected: 1,
  usage: 2,
  config: 3,
  auth: 4,
  denied: 5,
  upstream: 6,
  journal: 7,
  pending: 8,
  cancelled: 130,
} as const satisfies Record<ErrorCategory, number>;

interface ErrorKind {
  readonly category: ErrorCategory;
  /** What to do; printed after the message unless the error brings a better one. */
  readonly remedy: string;
}

/** Every error that mcprec raises on purpose. Add a row before raising a new one; docs/errors.md lists them. */
export const errorTable = {
  // usage
  usage: { category: 'usage', remedy: 'run the command with --help' },
  port_taken: { category: 'usage', remedy: 'choose another with --port, or stop the process that holds it' },
  not_found: { category: 'usage', remedy: 'check the name or id' },
  id_ambiguous: { category: 'usage', remedy: 'give more characters of the id' },
  // config
  config_invalid: { category: 'config', remedy: 'correct the file at the place named' },
  config_unreadable: { category: 'config', remedy: 'check that the file exists and may be read' },
  secret_unresolved: { category: 'config', remedy: 'set the environment variable or create the file it names' },
  home_unwritable: { category: 'config', remedy: 'make the directory writable, or set MCPREC_HOME to one that is' },
  // auth
  login_required: { category: 'auth', remedy: 'run: mcprec login' },
  login_expired: { category: 'auth', remedy: 'run: mcprec login' },
  login_refused: { category: 'auth', remedy: 'ask whoever runs the identity provider, then run: mcprec login' },
  token_invalid: { category: 'auth', remedy: 'run: mcprec login' },
  proof_invalid: { category: 'auth', remedy: 'run: mcprec login; check this machine’s clock with: mcprec doctor' },
  device_refused: { category: 'auth', remedy: 'run: mcprec logout, then mcprec login, to enrol this device anew' },
  grant_ended: { category: 'auth', remedy: 'run: mcprec connect' },
  grant_revoked: { category: 'auth', remedy: 'ask the platform owner why; then run: mcprec connect' },
  signature_invalid: { category: 'auth', remedy: 'a grant works only from the process that asked for it; run: mcprec connect' },
  exchange_repeated: { category: 'auth', remedy: 'make the call again as a new one' },
  keychain_unavailable: { category: 'auth', remedy: 'give a passphrase (--passphrase-file or MCPREC_PASSPHRASE), or --insecure-storage' },
  passphrase_required: { category: 'auth', remedy: 'give it with --passphrase-file or MCPREC_PASSPHRASE' },
  passphrase_wrong: { category: 'auth', remedy: 'give the passphrase that the file was made with, or run: mcprec logout' },
  credentials_corrupt: { category: 'auth', remedy: 'run: mcprec logout, then: mcprec login' },
  logins_locked: { category: 'auth', remedy: 'wait for the other mcprec to end, then try again' },
  // denied
  connection_denied: { category: 'denied', remedy: 'ask the platform owner for access' },
  approval_refused: { category: 'denied', remedy: 'ask whoever refused it; another reason makes another request' },
  approval_expired: { category: 'denied', remedy: 'ask again, and tell the approvers' },
  approval_denied: { category: 'denied', remedy: 'have somebody else decide who is among the approvers' },
  approval_too_many: { category: 'denied', remedy: 'wait until some are decided, or take them back with: mcprec approvals cancel' },
  approval_closed: { category: 'denied', remedy: 'see what became of it with: mcprec approvals show' },
  // pending
  approval_pending: { category: 'pending', remedy: 'ask an approver to open the link; then run the command again' },
  // upstream
  gateway_unreachable: { category: 'upstream', remedy: 'check the address and that the gateway runs; then: mcprec doctor' },
  gateway_failed: { category: 'upstream', remedy: 'look at the gateway’s log' },
  not_a_gateway: { category: 'upstream', remedy: 'check the address given with --gateway' },
  provider_unreachable: { category: 'upstream', remedy: 'check that the identity provider is up; then try again' },
  provider_failed: { category: 'upstream', remedy: 'look at the identity provider’s log' },
  upstream_unreachable: { category: 'upstream', remedy: 'check that the MCP server is up' },
  upstream_timeout: { category: 'upstream', remedy: 'try again; the call may have been executed' },
  // journal
  journal_corrupt: { category: 'journal', remedy: 'keep the file, set MCPREC_HOME to a new directory, and run: mcprec verify' },
  journal_newer: { category: 'journal', remedy: 'install the newer mcprec that wrote it' },
  journal_locked: { category: 'journal', remedy: 'find the process that holds the file' },
  journal_full: { category: 'journal', remedy: 'free disk space, or run: mcprec sessions prune; calls go on by themselves afterwards' },
  journal_unwritable: { category: 'journal', remedy: 'check the directory’s permissions and its disk' },
  journal_network: { category: 'journal', remedy: 'set MCPREC_HOME to a directory on a local disk' },
  journal_forked: { category: 'journal', remedy: 'keep both copies and tell the platform owner' },
  journal_behind: { category: 'journal', remedy: 'send less at once: the disk under the journal cannot keep up' },
  session_closed: { category: 'journal', remedy: 'run: mcprec connect' },
  leaf_invalid: { category: 'journal', remedy: 'run: mcprec verify' },
  witness_missing: {
    category: 'journal',
    remedy: 'check that the witness runs, is reached, and is named in witnesses of gateway.yaml; calls go on by themselves afterwards',
  },
  witness_rollback: { category: 'journal', remedy: 'an older copy was put back, or two histories are shown: keep both and tell the platform owner' },
  note_invalid: { category: 'journal', remedy: 'keep it: it is evidence; ask whoever signed it' },
  verify_failed: { category: 'journal', remedy: 'keep the file: it is evidence; tell the platform owner' },
  // cancelled
  cancelled: { category: 'cancelled', remedy: 'nothing was changed' },
  // unexpected
  bug: { category: 'unexpected', remedy: 'please report it with the text above' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorTable;

interface ErrorOptionsOfOurs {
  readonly cause?: unknown;
  /** Replaces the table's remedy where the place knows better. */
  readonly remedy?: string;
}

export class McprecError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string;

  constructor(code: ErrorCode, message: string, options: ErrorOptionsOfOurs = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'McprecError';
    this.code = code;
    this.remedy = options.remedy ?? errorTable[code].remedy;
  }

  get category(): ErrorCategory {
    return errorTable[this.code].category;
  }

  get exitCode(): number {
    return exitCodes[this.category];
  }
}

/** `error` as one of ours; what is not becomes `bug` with its cause kept. */
export function asMcprecError(error: unknown): McprecError {
  if (error instanceof McprecError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new McprecError('bug', message, { cause: error });
}
