import { useState } from 'preact/hooks'
import { t } from './i18n.ts'
import { Dialog } from './parts.tsx'
import type { FieldInfo } from './types.ts'

// ColumnsDialog chooses the columns of a table, and their order.
export function ColumnsDialog(p: { all: FieldInfo[]; chosen: string[]; set: (fields: string[]) => void; close: () => void }) {
  const [chosen, setChosen] = useState(p.chosen)
  const [find, setFind] = useState('')
  const byPath = new Map(p.all.map((f) => [f.path, f]))
  const move = (i: number, by: number) => setChosen((c) => {
    const next = [...c]
    const [one] = next.splice(i, 1)
    if (one !== undefined) next.splice(i + by, 0, one)
    return next
  })
  const want = find.trim().toLowerCase()
  const others = p.all.filter((f) => !chosen.includes(f.path) && (want === '' || `${f.path} ${f.label}`.toLowerCase().includes(want)))
  const apply = (fields: string[]) => { p.set(fields); p.close() }
  return (
    <Dialog wide title={t('columns')} close={p.close}>
      <div class="columns">
        <section>
          <h3>{t('columns.shown')}</h3>
          <ol>
            {chosen.map((path, i) => {
              const label = byPath.get(path)?.label ?? path
              return (
                <li key={path}>
                  <span class="grow">{label}</span>
                  <button type="button" class="plain icon" disabled={i === 0} onClick={() => move(i, -1)} aria-label={t('columns.up', { name: label })} title={t('columns.up', { name: label })}>↑</button>
                  <button type="button" class="plain icon" disabled={i === chosen.length - 1} onClick={() => move(i, 1)} aria-label={t('columns.down', { name: label })} title={t('columns.down', { name: label })}>↓</button>
                  <button type="button" class="plain icon" onClick={() => setChosen((c) => c.filter((o) => o !== path))} aria-label={t('columns.hide', { name: label })} title={t('columns.hide', { name: label })}>−</button>
                </li>
              )
            })}
          </ol>
          {chosen.length === 0 && <p class="quiet">{t('columns.none')}</p>}
        </section>
        <section>
          <h3>{t('columns.others')}</h3>
          <input type="search" value={find} onInput={(e) => setFind(e.currentTarget.value)} placeholder={t('find')} aria-label={t('columns.find')} />
          <ul>
            {others.map((f) => (
              <li key={f.path}>
                <span class="grow">{f.label} {f.label !== f.path && <span class="quiet mono">{f.path}</span>}</span>
                <button type="button" class="plain icon" onClick={() => setChosen((c) => [...c, f.path])} aria-label={t('columns.show', { name: f.label })} title={t('columns.show', { name: f.label })}>+</button>
              </li>
            ))}
          </ul>
        </section>
      </div>
      <footer>
        <button type="button" class="plain" onClick={() => setChosen([])}>{t('columns.clear')}</button>
        <button type="button" onClick={() => apply([])}>{t('columns.all')}</button>
        <span class="space" />
        <button type="button" onClick={p.close}>{t('cancel')}</button>
        <button type="button" class="main" disabled={chosen.length === 0} onClick={() => apply(chosen)}>{t('apply')}</button>
      </footer>
    </Dialog>
  )
}
