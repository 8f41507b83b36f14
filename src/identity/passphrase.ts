// Where the passphrase of the encrypted file comes from: a flag, the environment, or the person at the terminal.
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { Secret } from '../base/secret.ts';
import { readSecretFile } from './files.ts';

/** Asks for a passphrase without showing it. Throws `cancelled`. */
export type AskPassphrase = (question: string) => Promise<Secret>;

interface PassphraseOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly passphraseFile?: string | undefined;
  readonly askPassphrase?: AskPassphrase | undefined;
}

/** True where a flag or MCPREC_PASSPHRASE brings one. */
export function givenPassphrase(options: PassphraseOptions): boolean {
  return options.passphraseFile !== undefined || Boolean(options.env.MCPREC_PASSPHRASE);
}

/** The passphrase that was given, else the answer to `question`. Throws `passphrase_required`, `config_unreadable`, `cancelled`. */
export async function passphraseOf(options: PassphraseOptions, question: string): Promise<Secret> {
  if (options.passphraseFile !== undefined) return new Secret(readSecretFile(options.passphraseFile, limits.secretFileBytesMax));
  if (options.env.MCPREC_PASSPHRASE) return new Secret(options.env.MCPREC_PASSPHRASE);
  if (options.askPassphrase === undefined) throw new McprecError('passphrase_required', 'the stored login is encrypted and no passphrase was given');
  return options.askPassphrase(question);
}

/** Asks at a terminal: the question on `output`, the answer from `input`, without echo. Ctrl-C, Ctrl-D and `signal` throw `cancelled`. */
export function terminalAsk(input: NodeJS.ReadStream, output: NodeJS.WriteStream, signal: AbortSignal): AskPassphrase {
  return (question) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(new McprecError('cancelled', 'no passphrase was given'));
      const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
      const lines = createInterface({ input, output: silent, terminal: true, historySize: 0 });
      // Only now: until readline has the terminal, what is typed would be echoed.
      output.write(question);
      const end = (settle: () => void): void => {
        lines.removeAllListeners();
        signal.removeEventListener('abort', cancel);
        lines.close();
        output.write('\n');
        settle();
      };
      const cancel = (): void => end(() => reject(new McprecError('cancelled', 'no passphrase was given')));
      lines.once('line', (line) => end(() => resolve(new Secret(line))));
      lines.once('SIGINT', cancel);
      lines.once('close', cancel);
      signal.addEventListener('abort', cancel, { once: true });
    });
}
