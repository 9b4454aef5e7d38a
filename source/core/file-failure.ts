/**
 * What the operating system says when a file or folder of ours cannot be used for a reason that lies outside of
 * Lockstep, with what to do (POSIX errno names, as Node.js gives them). ENOENT is none of these: what we look for
 * without knowing that it is there is our own defect.
 */
const reasons: Readonly<Record<string, {reason: string; hint: string}>> = {
  EACCES: {reason: 'permission denied', hint: 'Give this user the right to it, or name another place.'},
  EPERM: {reason: 'not permitted', hint: 'Give this user the right to it, or name another place.'},
  EROFS: {reason: 'the file system is read-only', hint: 'Name another place, or mount it writable.'},
  ENOSPC: {reason: 'the disk is full', hint: 'Make space there and try again.'},
  EDQUOT: {reason: 'the quota is used up', hint: 'Make space there and try again.'},
  EFBIG: {reason: 'the file would be too large', hint: 'Raise the limit for the size of files.'},
  EIO: {reason: 'input/output error', hint: 'Check the disk.'},
  ENOTDIR: {reason: 'a file lies where a folder belongs', hint: 'Name another place, or move the file away.'},
  EISDIR: {reason: 'a folder lies where a file belongs', hint: 'Name another place, or move it away.'},
  ELOOP: {reason: 'its symbolic links lead in circles', hint: 'Correct the links, or name another place.'},
  ENAMETOOLONG: {reason: 'the name is too long', hint: 'Choose a shorter one.'},
  EMFILE: {reason: 'too many files are open', hint: 'Raise the limit (`ulimit -n`).'},
  ENFILE: {reason: 'too many files are open on this machine', hint: 'Raise the limit of the system.'},
};

/** What of a thrown value is such a failure, or undefined for any other. */
export function fileFailureOf(thrown: unknown): {message: string; hint: string} | undefined {
  // Errors of connections have an address; what they mean is for the transport to say.
  if (!(thrown instanceof Error) || !('syscall' in thrown) || 'address' in thrown) return undefined;
  const {code, syscall, path} = thrown as NodeJS.ErrnoException;
  const known = code === 'EEXIST' && syscall === 'mkdir' ? reasons.ENOTDIR : reasons[code ?? ''];
  if (known === undefined) return undefined;
  return {message: `${path ?? 'A file'} cannot be used: ${known.reason} (${code}).`, hint: known.hint};
}
