// The key that signs the checkpoints of solo sessions. There is no login whose device key could; and what it signs is its owner's word only.
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { type LogSigner, logSigner } from '../evidence/checkpoint.ts';
import { inHome, readIfThere, replaceFile } from './files.ts';

/** The signer of solo sessions; its key is made at the first use, in a file of mode 0600. Throws `credentials_corrupt`, `home_unwritable`. */
export function soloSigner(home: string): LogSigner {
  const path = inHome(home, 'solo');
  const text = readIfThere(path, limits.loginFileBytesMax);
  if (text === undefined) {
    const { privateKey } = generateKeyPairSync('ed25519');
    replaceFile(path, privateKey.export({ format: 'pem', type: 'pkcs8' }) as string);
    return logSigner(privateKey);
  }
  try {
    return logSigner(createPrivateKey(text));
  } catch (cause) {
    throw new McprecError('credentials_corrupt', `the key of solo sessions in ${path} cannot be read`, {
      cause,
      remedy: `move ${path} away; another key is made`,
    });
  }
}
