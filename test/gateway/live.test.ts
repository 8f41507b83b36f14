import { join } from 'node:path';
import pino from 'pino';
import { expect, it } from 'vitest';
import { type GrantId, parseId } from '../../src/base/ids.ts';
import { SessionEvents } from '../../src/gateway/events.ts';
import { Grants } from '../../src/gateway/grants.ts';
import { createKeys, loadKeys } from '../../src/gateway/keys.ts';
import { LiveSessions } from '../../src/gateway/live.ts';
import { openApprovals } from '../../src/gateway/open-approvals.ts';
import { ToolForms } from '../../src/gateway/tool-forms.ts';
import { parseConfig } from '../../src/policy/parse.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { TestWorld } from './support.ts';

it('a session that a request loads while it is being ended is ended for that request too', async () => {
  await using world = await TestWorld.start();
  const sre = await world.caller('sre');
  const grant = await sre.grant('quiet');
  await world.gateway.close();
  const { config } = parseConfig(world.configText(), { file: 'gateway.yaml' });
  const keysFile = join(world.directory, 'keys.json');
  createKeys(keysFile, world.ids.random);
  const opened = openSqliteStore(join(world.directory, 'gateway.db'), world.ids);
  let loading: ReturnType<LiveSessions['get']> = Promise.resolve(undefined);
  const store: Store = {
    ...opened,
    // The request comes between the look for what is in flight and the commit.
    endSession(ending) {
      loading = live.get(ending.sessionId, grant.response.tokenExpiresAtMs);
      return opened.endSession(ending);
    },
  };
  const keys = loadKeys({ kind: 'file', path: keysFile }, {}, world.ids.random);
  const parts = { config, store, keys, ids: world.ids, tools: await ToolForms.open(keys.handleKey, store) };
  const live = new LiveSessions(parts);
  const { publicUrl } = world.gateway;
  const events = new SessionEvents();
  const { desk, grantApprovals } = openApprovals({ ...parts, events, hooks: [], publicUrl, logger: pino({ level: 'silent' }) });
  const grants = new Grants({ ...parts, live, events, publicUrl, desk, approvals: grantApprovals });
  await using _ = { [Symbol.asyncDispose]: () => opened.close() };
  const caller = { identity: grant.response.identity, thumbprint: sre.key.thumbprint, admin: false };
  await grants.revoke(caller, parseId('grt', grant.response.grantId) as GrantId);
  const session = await loading;
  expect([session?.ended, session?.closing.signal.aborted]).toEqual(['revoked', true]);
});
