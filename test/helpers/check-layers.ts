import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

/** What each layer of `source/` may import besides itself (DESIGN.md, "Layers"). */
export const layers: Readonly<Record<string, readonly string[]>> = {
  console: ['engine', 'core'],
  headless: ['engine', 'core'],
  engine: ['client', 'state', 'protocol', 'system', 'core'],
  client: ['protocol', 'system', 'core'],
  state: ['system', 'core'],
  agent: ['protocol', 'system', 'core'],
  protocol: ['system', 'core'],
  system: ['core'],
  core: [],
};

/** What `core` may use of Node and of packages: nothing that has a clock, randomness or input and output. */
const coreMayUse = ['node:crypto', 'picomatch', 'croner', 'compare-versions'];

/** An import that goes against the direction of the layers. */
export type LayerViolation = {readonly file: string; readonly imports: string; readonly why: string};

/** Checks every TypeScript file below `source`, answering what is wrong in the order of file names. */
export function checkLayers(source: string): LayerViolation[] {
  return readdirSync(source, {recursive: true, encoding: 'utf8'})
    .map(file => file.split(path.sep).join('/'))
    .filter(file => /\.tsx?$/.test(file))
    .sort()
    .flatMap(file =>
      importsOf(readFileSync(path.join(source, file), 'utf8')).flatMap(imports => {
        const why = whyForbidden(file, imports);
        return why === undefined ? [] : [{file, imports, why}];
      }),
    );
}

/** Module names of static and dynamic imports, of re-exports and of imported types. */
export function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const found = code.matchAll(
    /(?:^|[\s;}])(?:import|export)\s(?:[^'"`;=()]*?\sfrom\s*)?(['"])([^'"]+)\1|\bimport\s*\(\s*(['"`])([^'"`]+)\3|\brequire\s*\(\s*(['"])([^'"]+)\5/g,
  );
  return [...found].map(match => (match[2] ?? match[4] ?? match[6])!);
}

function whyForbidden(file: string, imports: string): string | undefined {
  const layer = file.split('/')[0]!;
  // The composition root wires everything together.
  if (!file.includes('/')) return undefined;
  const allowed = layers[layer];
  if (allowed === undefined) return `${layer}/ is not a layer`;
  if (!imports.startsWith('.')) {
    const outside = layer === 'core' && !coreMayUse.includes(imports);
    return outside ? 'core/ has no clock, randomness, input or output' : undefined;
  }
  const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), imports));
  const targetLayer = target.split('/')[0]!;
  if (targetLayer === layer || allowed.includes(targetLayer)) return undefined;
  return `${layer}/ may import ${allowed.length === 0 ? 'nothing' : allowed.join(', ')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // Compiled, this file lies in dist/test/helpers.
  const source = fileURLToPath(new URL('../../../source', import.meta.url));
  const violations = checkLayers(source);
  for (const {file, imports, why} of violations)
    process.stderr.write(`source/${file} imports ${imports}: ${why}\n`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}
