/** Reports are passed on at most four times a second. */
const reportMs = 250;

/**
 * Does work and tells how it goes meanwhile: yields the latest report now and then, and returns the work's result.
 * Leaving the loop does not stop the work.
 */
export async function* reportWhile<Report, Result>(
  work: (report: (latest: Report) => void) => Promise<Result>,
): AsyncGenerator<Report, Result> {
  let latest: Report | undefined;
  let finished = false;
  const result = work(report => {
    latest = report;
  }).finally(() => {
    finished = true;
  });
  // Whoever listens hears of a failure below; when nobody does any more, it is in the journal.
  result.catch(() => {});
  while (!finished) {
    let timer: NodeJS.Timeout | undefined;
    const time = new Promise<void>(resolve => {
      timer = setTimeout(resolve, reportMs);
    });
    await Promise.race([result.catch(() => {}), time]).finally(() => clearTimeout(timer));
    if (finished || latest === undefined) continue;
    const report = latest;
    latest = undefined;
    yield report;
  }
  return await result;
}
