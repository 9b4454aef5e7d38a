import {createFaultPoint} from '../../core/fault-point.js';

/** The agent's fault points (core/fault-point.ts). */
export const faultPoint = createFaultPoint(process.env, () => process.kill(process.pid, 'SIGKILL'));
