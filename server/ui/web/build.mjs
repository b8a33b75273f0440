// Bundles the page into ../dist, or into the directory that is given. The same sources and lock file make the same bytes.
import { build } from 'esbuild'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const out = process.argv[2] ?? join(here, '../dist')

// locales makes the module "locales:all" of the files in locales/: each language is loaded when it is chosen.
const locales = {
  name: 'locales',
  setup(b) {
    b.onResolve({ filter: /^locales:all$/ }, () => ({ path: 'all', namespace: 'locales' }))
    b.onLoad({ filter: /.*/, namespace: 'locales' }, async () => {
      const names = (await readdir(join(here, 'locales'))).filter((n) => n.endsWith('.json')).sort()
      const lines = []
      for (const name of names) {
        const table = JSON.parse(await readFile(join(here, 'locales', name), 'utf8'))
        const from = JSON.stringify(`./locales/${name}`)
        lines.push(`  { tag: ${JSON.stringify(basename(name, '.json'))}, name: ${JSON.stringify(table['language.name'])}, load: () => import(${from}) },`)
      }
      return { contents: `export default [\n${lines.join('\n')}\n]\n`, resolveDir: here, loader: 'js' }
    })
  },
}

await rm(out, { recursive: true, force: true })
await mkdir(out, { recursive: true })
const result = await build({
  absWorkingDir: here,
  entryPoints: ['src/main.tsx', 'src/page.css', 'src/icon.svg'],
  outdir: out,
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
  charset: 'utf8',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  loader: { '.svg': 'copy' },
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  plugins: [locales],
  metafile: true,
  logLevel: 'warning',
})

const made = Object.entries(result.metafile.outputs)
const named = (entry) => {
  const found = made.find(([, o]) => o.entryPoint === entry || Object.keys(o.inputs).length === 1 && o.inputs[entry])
  return relative(out, join(here, found[0]))
}
const script = named('src/main.tsx')
const preloads = made.find(([, o]) => o.entryPoint === 'src/main.tsx')[1].imports
  .filter((i) => i.kind === 'import-statement').map((i) => relative(out, join(here, i.path))).sort()
const template = await readFile(join(here, 'src/index.html'), 'utf8')
await writeFile(join(out, 'index.html'), template
  .replaceAll('{{script}}', script)
  .replaceAll('{{style}}', named('src/page.css'))
  .replaceAll('{{icon}}', named('src/icon.svg'))
  .replaceAll('{{preloads}}', preloads.map((p) => `<link rel="modulepreload" href="{{base}}ui/${p}">\n`).join('')))
