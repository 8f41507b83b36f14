// Tests that take long and that `npm test` leaves to `npm run test:long`: there they run with everything that they cover.
export const LONG_ONLY = [
  'test/conformance/*.test.ts',
  'test/e2e/approvals.test.ts',
  'test/e2e/bad-files.test.ts',
  'test/e2e/bad-way.test.ts',
  'test/e2e/evidence.test.ts',
  'test/e2e/intake-policy.test.ts',
  'test/e2e/kill.test.ts',
  'test/e2e/reconcile.test.ts',
  'test/e2e/recovery.test.ts',
  'test/e2e/split-view.test.ts',
  'test/e2e/tool-changes.test.ts',
  'test/e2e/transports.test.ts',
  'test/e2e/verify-gateway.test.ts',
  'test/e2e/witness.test.ts',
  'test/journal/torn.test.ts',
  'test/mask/linear.test.ts',
];
