// Datadog's own client library, pointed at an endpoint of the forwarder.
import { client, v1, v2 } from '@datadog/datadog-api-client';

/** Where the library is to send, and the key that opens it. */
export interface Intake {
  readonly url: string;
  readonly key: string;
}

/** Stands in the text of the event. */
export const CUSTOMER_EMAIL = 'jane.roe@customer.example';
const DISTRIBUTION = [0.21, 0.34, 0.29];

/** Sends a series, a distribution, a service check and an event; the answers' own words on it. */
export async function sendTelemetry(intake: Intake): Promise<string[]> {
  const configuration = configure(intake);
  const seconds = Math.floor(Date.now() / 1000);
  const series = await new v2.MetricsApi(configuration).submitMetrics({
    body: { series: [{ metric: 'checkout.orders', type: 1, points: [{ timestamp: seconds, value: 412.5 }], tags: ['env:prod'] }] },
    contentEncoding: 'gzip',
  });
  const distribution = await new v1.MetricsApi(configuration).submitDistributionPoints({
    body: { series: [{ metric: 'checkout.latency.dist', points: [[seconds, DISTRIBUTION]] }] },
    contentEncoding: 'deflate',
  });
  const check = await new v1.ServiceChecksApi(configuration).submitServiceCheck({
    body: [{ check: 'payments.gateway.reachable', hostName: 'i-04', status: 0, tags: ['env:prod'] }],
  });
  const event = await new v1.EventsApi(configuration).createEvent({
    body: { title: 'Deployed checkout', text: `version 2026.11.3, asked for by ${CUSTOMER_EMAIL}` },
  });
  return [`series: errors ${JSON.stringify(series.errors)}`, `distribution: ${distribution.status}`, `check: ${check.status}`, `event: ${event.status}`];
}

/** Sends one series; for the script that `mcprec exec` runs. */
export async function sendReport(intake: Intake): Promise<string> {
  const { errors } = await new v2.MetricsApi(configure(intake)).submitMetrics({
    body: { series: [{ metric: 'report.nightly.rows', type: 3, points: [{ timestamp: Math.floor(Date.now() / 1000), value: 1284 }] }] },
  });
  return `report.nightly.rows sent to ${intake.url}, errors ${JSON.stringify(errors)}`;
}

function configure({ url, key }: Intake) {
  const { protocol, host } = new URL(url);
  const configuration = client.createConfiguration({ serverIndex: 1, authMethods: { apiKeyAuth: key } });
  configuration.setServerVariables({ protocol: protocol.slice(0, -1), name: host });
  return configuration;
}
