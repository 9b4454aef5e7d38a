import type {FaultName} from '../../core/fault-point.js';
import {OperatorError} from '../../core/operator-error.js';
import {setVersionInAgentJson} from '../configuration/save-agent-json.js';
import {openService} from '../service/open-service.js';
import {faultPoint} from '../site/fault-point.js';
import type {Notices} from './notices.js';
import {tellByMail} from './tell-by-mail.js';
import type {UpdateHost} from './update-host.js';
import type {UpdateRequest} from './update-request.js';
import type {UpdateSettings} from './update-settings.js';
import type {UpdateSubject} from './update-subject.js';
import type {UpdatesOptions} from './updates.js';

/** What the updates of one site are given of the agent. */
export function createUpdateHost(
  {dataFolder, serverName, siteOf, tools, log, outbox}: UpdatesOptions,
  siteName: string,
  {
    now,
    notices,
    takeSite,
    hold,
  }: {
    now: () => number;
    notices: Notices;
    takeSite: (request: UpdateRequest) => void;
    hold: (place: FaultName) => Promise<void>;
  },
): UpdateHost {
  return {
    dataFolder,
    serverName,
    tools,
    log,
    now,
    site: () => siteOf(siteName),
    settings: () => settingsOf(siteOf(siteName)),
    service: settings => siteOf(siteName).own ?? openService(settings.service),
    publish: notice =>
      void notices
        .publish(siteOf(siteName), notice)
        .catch((err: unknown) => log.warn({err}, 'the notice cannot be written')),
    setVersion: async version => {
      const site = siteOf(siteName);
      if (site.own !== undefined) return;
      await setVersionInAgentJson(dataFolder, siteName, version);
      site.version = version;
    },
    takeSite,
    mail: (update, error) => tellByMail({outbox, serverName, site: siteOf(siteName)}, update, error),
    pass: async place => {
      await hold(place);
      faultPoint(place);
    },
  };
}

/** @throws OperatorError UPDATE_NOT_CONFIGURED */
export function settingsOf(site: UpdateSubject): UpdateSettings {
  const {update} = site.configuration;
  if (update !== undefined) return update;
  throw new OperatorError(
    'UPDATE_NOT_CONFIGURED',
    `agent.json does not say how the service of ${site.name} is updated.`,
    {
      hint: 'Add "update": {"folder", "service": {"start", "stop"}} to the site; `lockstep agent check --data DIR` checks it.',
    },
  );
}
