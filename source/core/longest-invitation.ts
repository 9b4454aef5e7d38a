/** For how long an invitation holds at most: a year. Milliseconds. */
export const longestInvitationMs = 366 * 86_400_000;
