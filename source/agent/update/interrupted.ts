/** Thrown through a step when the agent stops; nothing is noted, the next start of the agent goes on. */
export class Interrupted extends Error {}
