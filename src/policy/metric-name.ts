// What Datadog makes of a metric's name before it stores it. Source: Datadog docs, "Custom metrics: naming".

const NAME_MAX = 200;
const NORMAL = /^[A-Za-z][A-Za-z0-9_.]*$/;

/** The name as Datadog stores it: from the first letter on, other characters as `_`, at most 200 of them. */
export function normalMetricName(name: string): string {
  if (name.length <= NAME_MAX && NORMAL.test(name)) return name;
  return name
    .replace(/^[^A-Za-z]+/, '')
    .replace(/[^A-Za-z0-9_.]/g, '_')
    .slice(0, NAME_MAX);
}

/** True where the stored name lacks something of either end, so that a glob could match one and not the other. */
export function isCutByIntake(name: string): boolean {
  return name.length > NAME_MAX || !/^[A-Za-z]/.test(name);
}
