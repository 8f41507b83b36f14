// The script that the demo runs under `mcprec exec`: it knows Datadog's variables only, and nothing of mcprec.
import { sendReport } from './datadog.ts';

const { DD_URL = '', DD_API_KEY = '', MCPREC_PASSPHRASE } = process.env;
if (MCPREC_PASSPHRASE !== undefined) throw new Error('the passphrase of the login was handed to the command');
console.log(await sendReport({ url: DD_URL, key: DD_API_KEY }));
