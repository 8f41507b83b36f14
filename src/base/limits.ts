// Every bound of the program, by name (DESIGN §4, rule 4). Sizes in bytes, times in milliseconds.

const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  /** A request body as sent, before any content coding is undone. */
  requestBytesMax: 16 * MiB,
  /** A request body after its content coding is undone. */
  requestInflatedBytesMax: 64 * MiB,
  /** Frames of one body in zstd. */
  zstdFramesMax: 1_000,
  /** An answer body or one SSE message that is decoded, masked and stored; a longer one is passed on and stored as length and MAC. */
  answerBytesMax: 8 * MiB,
  /** A JSON document, key or line that `mcprec mask` holds while it waits for its end, in UTF-16 units. */
  maskDocumentUnitsMax: 8 * MiB,
  /** Header block of a request or answer. */
  headerBytesMax: 64 * KiB,
  /** Nesting of JSON that is read. */
  jsonDepthMax: 256,
  /** Values of one JSON text that is read; each takes some hundred bytes of memory, and three of text are enough for one. */
  jsonValuesMax: 4_000_000,
  /** One leaf of a log, encoded (DESIGN §7). */
  leafBytesMax: 65_535,
  /** A signed note (checkpoint), and the signatures on it. */
  noteCharactersMax: 32 * KiB,
  noteSignaturesMax: 32,
  /** A checkpoint is signed after so many entries, or so long after an entry. */
  checkpointEntries: 256,
  checkpointMs: 2_000,
  /** How often an open session gets a heartbeat. */
  heartbeatMs: 60_000,
  /** Names (method, tool, URI, metric names) of one entry, encoded. */
  namesBytesMax: MiB,
  /** A stored payload, decompressed. */
  payloadBytesMax: 128 * MiB,
  /** Entries that wait for one commit; more are refused. */
  appendQueueMax: 20_000,
  /** Entries in one transaction of the journal. */
  commitEntriesMax: 512,
  /** Payload bytes in one transaction of the journal; the entry that reaches it is the last. */
  commitBytesMax: 8 * MiB,
  /** A text of at least so many UTF-16 units is masked in another thread; handing a smaller one over costs more than it saves. */
  latePayloadUnitsMin: 16 * KiB,
  /** A thread for large payloads ends when it had none for so long, or knows so many maskers. */
  payloadThreadIdleMs: 30_000,
  maskersKeptMax: 64,
  /** A smaller payload is stored as it is: compressing it costs more than it saves. */
  zstdBytesMin: 2 * KiB,
  /** Wall time that falls behind monotonic time by more than this is a clock that was set back (RULES R14). */
  clockBackMsMin: 1_000,
  /** How long the owner of a session in another container is taken to be alive after its last entry. */
  foreignOwnerMsMax: 24 * 60 * 60_000,
  /** Entries, and bytes of their payloads, that one read takes from the journal. */
  readEntriesMax: 1_000,
  /** Entries in one answer to an auditor. */
  auditEntriesMax: 200,
  readBytesMax: 16 * MiB,
  /** Sessions that the browser of recordings reads at once, how often it looks for news, and up to how many entries it verifies unasked. */
  browserPageSessions: 500,
  browserRefreshMs: 1_000,
  browserVerifyEntriesMax: 2_000,
  /** Lines of a message that a replay lays out, of which it shows what fits on the screen; and those that it prints elsewhere. */
  replayLinesMax: 200,
  replayTextLinesMax: 20,
  /** Entries that a replay at full speed shows at once. */
  replayEntriesAtOnce: 200,
  /** Sessions that one command prints. */
  sessionsShownMax: 100_000,
  /** Lines, and characters, of one payload that are shown as text; what is beyond is counted. */
  shownLinesMax: 5_000,
  shownCharactersMax: 256 * KiB,
  /** The same where it is printed and not browsed. */
  printedLinesMax: 1_000,
  printedCharactersMax: 64 * KiB,
  /** The longest payload that is parsed to be shown; a longer one is shown as it stands. */
  shownParseBytesMax: 8 * MiB,
  /** Entries of one exchange that are shown with their payloads. */
  shownEntriesMax: 200,
  /** The longest pause of a replay, unless whole pauses are asked for. */
  replayPauseMsMax: 3_000,
  /** What a verification reports of one log; more is counted. */
  findingsMax: 200,
  /** How often emptying the gateway's write-ahead log is tried after an erasure, and the pause between two tries. */
  walEmptyTriesMax: 40,
  walEmptyPauseMs: 250,
  /** How often a gateway with `retention` looks for what has become too old, and how many sessions it takes at once. */
  retentionEveryMs: 24 * 60 * 60_000,
  retentionSessionsMax: 1_000,
  /** The longest `retention.keep`. */
  keepMsMax: 20 * 365 * 24 * 60 * 60_000,
  /** Index logs of which the hashes are kept, for proofs of what they say. */
  provenLogsMax: 4,
  /** Entries that are added to the index of words in one transaction. */
  textIndexBatchEntries: 200,
  /** The journal where `--journal-max` says nothing else; calls are refused when it is that large, nothing is dropped. */
  journalBytesMax: 16 * 1024 * MiB,
  /** How long a writer tries to get a locked journal. */
  journalBusyMsMax: 5_000,
  /** How long an idle connection of a client is kept. */
  keepAliveMsMax: 65_000,
  /** The longest time that a timer can be set to. */
  timerMsMax: 2 ** 31 - 1,
  /** How long a closing session waits for calls in flight. */
  drainMsMax: 2_000,
  /** How long it then waits for those that it cut off to be recorded. */
  cutOffMsMax: 1_000,
  /** How long the rest of a body that is too long is read and thrown away, so that its sender gets to read the answer. */
  discardMsMax: 2_000,
  /** Bytes of an answer that wait for an entry or a decoder before the upstream is told to pause. */
  deliveryQueueBytesMax: 256 * KiB,
  /** Tools of one connection whose `Mcp-Param-*` headers are compared with their arguments. */
  mirroredToolsMax: 10_000,
  /** Requests on one connection whose answers may come on another stream than theirs, because that one broke off. */
  sentRequestsMax: 10_000,
  /** Exchanges in flight in one forwarder or gateway process. */
  exchangesMax: 2_000,
  /** How long an idle connection to an upstream is kept, where the upstream names no shorter time. */
  upstreamKeepAliveMsMax: 4_000,
  /** Connecting to an upstream. */
  connectMsMax: 10_000,
  /** Waiting for the first byte of an answer. */
  firstByteMsMax: 300_000,
  /** Headers and body of a request that a client sends slowly. */
  requestMsMax: 60_000,
  /** Entries in one upload of a sync, and their bytes before compression. */
  syncEntriesMax: 500,
  syncBytesMax: 4 * MiB,
  /** One upload of a sync as sent, and inflated, as well as all its payloads inflated: more than `syncBytesMax`, because an entry alone may be larger. */
  uploadBytesMax: 32 * MiB,
  uploadInflatedBytesMax: 96 * MiB,
  /** CBOR values in one upload: an entry has under twenty. */
  uploadValuesMax: 20_000,
  /** Body of a control request other than a sync. */
  controlBytesMax: 256 * KiB,
  /** Of a process that stays: what it has for values that do not live long. */
  youngBytesMax: 32 * MiB,
  /** A disk that last took less than this for a sync is waited for where the commit was made, if one job alone waits; a thread syncs otherwise. */
  syncInlineMsMax: 1,
  /** How soon after an entry was written a connected forwarder syncs it. */
  syncEveryMs: 250,
  /** How long a witness is waited for, and a call for the co-signature of its entry, where it must have one. */
  witnessMsMax: 5_000,
  /** Until it is asked again whether another process has stopped syncing. */
  leasePauseMs: 20,
  syncBackoffMsMin: 500,
  syncBackoffMsMax: 30_000,
  /** A request signature's `created` against the gateway's clock (RULES R4). */
  signatureSkewMsMax: 60_000,
  /** Tokens of grants that a gateway keeps in memory. */
  tokensCachedMax: 10_000,
  /** Age of a DPoP proof (RFC 9449 §11.1), clock skew aside. */
  proofMsMax: 60_000,
  /** The identity provider's keys: how long they are kept, and how soon they are asked for again where a token names an unknown one. */
  providerKeysMsMax: 10 * 60_000,
  providerKeysMsMin: 5_000,
  /** How long the gateway waits for the identity provider. */
  providerAnswerMsMax: 5_000,
  /** Groups of one identity; a token with more is refused. */
  groupsMax: 1_000,
  /** Sessions in one answer of the sessions list. */
  sessionsListMax: 500,
  /** Event streams of one session; a further one ends the oldest. */
  eventStreamsMax: 4,
  /** How often an event stream gets a comment. */
  eventCommentMs: 25_000,
  /** How often the gateway looks for grants that have ended, and for what else has expired. */
  expiryCheckMs: 500,
  storeSweepMs: 60_000,
  /** A grant's token (RULES R4: at most ten minutes). */
  grantTokenMsMax: 5 * 60_000,
  /** A grant where policy says no ttl. */
  grantMsDefault: 60 * 60_000,
  /** The longest `ttl` that a policy may give: a grant is for a piece of work, not a standing key. */
  grantMsMax: 24 * 60 * 60_000,
  /** How often a forwarder that denies asks for newer policy at most, and how long it waits for that. */
  policyRefreshMsMin: 1_000,
  policyRefreshMsMax: 2_000,
  /** How often a gateway looks whether its file was changed. */
  configLookMs: 1_000,
  /** The text of gateway.yaml. */
  configBytesMax: MiB,
  /** One pattern of a policy, in characters; matching costs at most its length times the name's. */
  patternLengthMax: 300,
  /** Patterns of `mask.patterns`, and the size of one with its repetitions written out, in instructions. */
  patternsMax: 100,
  patternProgramMax: 2_000,
  /** How long a value keeps its pseudonym. */
  pseudonymEpochMsDefault: 30 * 24 * 60 * 60_000,
  pseudonymEpochMsMax: 365 * 24 * 60 * 60_000,
  /** Output schemas of one connection's tools that are remembered, and the length of one in UTF-16 units. */
  outputSchemasMax: 2_000,
  outputSchemaUnitsMax: 256 * KiB,
  /** One condition of a policy, in characters, and how many steps (about a microsecond each) it may take on one call. */
  conditionLengthMax: 2_000,
  conditionStepsMax: 100_000,
  /** A metric query in an argument, in characters; and how deep its parentheses and functions may go. */
  metricQueryLengthMax: 20_000,
  metricQueryDepthMax: 50,
  /** The highest `calls` per minute and per session that an access entry may set; each call of the last minute is a number in memory. */
  callsPerMinuteMax: 10_000,
  callsPerSessionMax: 1_000_000,
  /** Persons on connections whose last minute is remembered; the one that was idle longest is forgotten. */
  spendersMax: 100_000,
  /** Cases in one file of `mcprec policy test`. */
  policyCasesMax: 10_000,
  /** How long a held call, and its approval, is good for at most. */
  holdMsDefault: 10 * 60_000,
  holdMsMax: 24 * 60 * 60_000,
  /** How often a client whose call is held gets a sign of life, and how long it waits at most where the configuration says nothing else. */
  holdBeatMs: 10_000,
  holdWaitMsDefault: 45_000,
  holdWaitMsMax: 30 * 60_000,
  /** Approvals in one answer, and how long a request waits for a change of one. */
  approvalsListMax: 500,
  /** Requests of one person that wait for an approval or to be used: approvers must see those of others too. */
  openApprovalsMax: 100,
  approvalWaitMsMax: 25_000,
  /** How often the record says of one approval that somebody who may not decide it tried to. */
  turnedAwayMax: 10,
  /** Calls that approvers are shown of a session, the newest; and the entries that are read for them. */
  historyCallsMax: 10,
  historyEntriesMax: 2_000,
  /** Calls of webhooks at once, one of them, how often it is tried, and the pause before it is tried again. */
  webhooksAtOnceMax: 16,
  webhookMsMax: 15_000,
  webhookTriesMax: 12,
  webhookBackoffMsMin: 1_000,
  webhookBackoffMsMax: 60 * 60_000,
  /** How long before its end a token is renewed. */
  renewAheadMs: 60_000,
  /** How long closing a session waits for what is in flight and for the last sync. */
  closeMsMax: 5_000,
  /** Tools, over all connections, whose form a gateway remembers. */
  toolsMax: 200_000,
  /** Upstream handles that a gateway remembers for one connection (RULES R2), and for how long. */
  handlesMax: 200_000,
  handleMsMax: 24 * 60 * 60_000,
  /** `/.well-known/mcprec`, and how long it may take. */
  wellKnownBytesMax: 64 * KiB,
  wellKnownMsMax: 10_000,
  /** One control call, from sending it to the last byte of its answer. */
  controlMsMax: 30_000,
  /** The answer to a control call, and one event of an event stream. */
  controlAnswerBytesMax: 4 * MiB,
  /** Silence on an event stream after which it counts as lost; a gateway sends a comment well before. */
  eventSilenceMsMax: 120_000,
  /** One request to the identity provider, and its answer. */
  providerMsMax: 15_000,
  providerBytesMax: 1 * MiB,
  /** A device code, whatever the provider says. */
  deviceCodeMsMax: 30 * 60_000,
  /** Polls of a device code that may find no provider before the login is given up. */
  pollFaultsMax: 4,
  /** An access token that ends sooner than this is refreshed before it is used. */
  accessTokenAheadMs: 30_000,
  /** Finding out whether there is a keychain. */
  keychainProbeMsMax: 5_000,
  /** One use of the keychain; long, because it may ask its owner to unlock it. */
  keychainMsMax: 60_000,
  /** A login file, encrypted or not, and a passphrase, client secret or token file. */
  loginFileBytesMax: 1 * MiB,
  secretFileBytesMax: 64 * KiB,
  /** How long a process waits for another that refreshes or changes the logins. */
  loginLockMsMax: 60_000,
  loginLockRetryMs: 25,
  /** One line of a stdio server, or of an answer on its way to a stdio client. A longer one ends the server, or the call. */
  lineBytesMax: 64 * MiB,
  /** Pipes (children, event streams of 2024-11-05) that one session holds open; the one unused for longest gives way. */
  pipesMax: 16,
  /** Messages of a server behind a pipe that wait for a stream to its client; the oldest give way. */
  pipeQueueMax: 1_000,
  /** How long a server that was started again may take for the handshake that its client made with the one before. */
  handshakeMsMax: 30_000,
  /** How long a child is waited for: after its stdin was closed, after SIGTERM, and after SIGKILL. */
  childEndMsMax: 2_000,
  /** What a child writes to stderr without a line break, before it is recorded as far as it came, in UTF-16 units. */
  stderrLineUnitsMax: 64 * KiB,
  /** How long a stdio client that cannot be served is waited for, to be told why. */
  stdioRefusalMsMax: 2_000,
  /** Messages of one stdio client that are in flight at once; and the bytes of those and of the ones that wait: more is not read from it. */
  clientInFlightMax: 256,
  clientInFlightBytesMax: 32 * MiB,
  /** How long a message of a stdio client waits for a grant in the place of one that has ended, and how soon after a try there is another. */
  extendWaitMsMax: 5_000,
  extendPauseMs: 2_000,
  /** Tries to take up a broken stream of answers again, and the pause before one where the server names none. */
  resumeTriesMax: 5,
  resumePauseMs: 1_000,
  resumePauseMsMax: 30_000,
} as const;
