import {compareReleaseVersions, isVersion} from './release.js';

/** Whether an agent is of an older version than the console (U13); what is no version cannot be compared. */
export function isOlderAgent(agent: string, console: string): boolean {
  return isVersion(agent) && isVersion(console) && compareReleaseVersions(agent, console) < 0;
}
