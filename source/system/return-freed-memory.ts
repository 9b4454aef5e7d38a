import {DatabaseSync} from 'node:sqlite';

/** The C library that leaves freed memory where it lies, and what it offers against that (malloc_trim(3)). */
const library = 'libc.so.6';
const trim = 'malloc_trim';

/**
 * Returns to the system what glibc keeps of the memory that SQLite, TLS and V8 have let go: it lies in pieces between
 * what is still used, which glibc returns only when it is asked to. There is no other way to ask from JavaScript than
 * SQLite's: it calls the named function of a library as the beginning of an extension. The first argument of that is a
 * pointer, which malloc_trim takes for the bytes to keep at the end of the heap: more than there are, so only that part
 * stays. It answers 1 when there was something to return, which SQLite takes for a failure. Elsewhere than on Linux with
 * glibc nothing happens. Takes about a millisecond for ten megabytes.
 */
export function returnFreedMemory(): void {
  if (process.platform !== 'linux') return;
  const database = new DatabaseSync(':memory:', {allowExtension: true});
  try {
    database.loadExtension(library, trim);
  } catch {
    // Either it has returned something, or this is another C library.
  } finally {
    database.close();
  }
}
