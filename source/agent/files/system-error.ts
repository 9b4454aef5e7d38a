/** The code of an error that the operating system gave (`ENOENT`), undefined for any other. */
export function errorCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

/** Whether the error says that there is nothing of that name. */
export function isAbsent(thrown: unknown): boolean {
  const code = errorCode(thrown);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** The reason in a few words, without the path that the caller names anyway. */
export function reasonOf(thrown: unknown): string {
  const code = errorCode(thrown);
  if (code === 'EACCES' || code === 'EPERM') return `permission denied (${code})`;
  if (code === 'EIO') return 'input/output error (EIO)';
  return code ?? (thrown instanceof Error ? thrown.message : String(thrown));
}
