// Flags that many commands share, as commander takes them.

export const GATEWAY: readonly [string, string] = ['--gateway <url>', 'the gateway; else MCPREC_GATEWAY, else that of the latest login'];
export const PASSPHRASE: readonly [string, string] = ['--passphrase-file <file>', 'where there is no keychain: the passphrase of the encrypted file'];
export const JSON_FLAG: readonly [string, string] = ['--json', 'print JSON'];
