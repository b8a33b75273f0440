import { useState } from 'preact/hooks'
import { Chart } from './chart.tsx'
import type { Data, Gadget } from './boardtypes.ts'
import { Figures, Rest } from './figures.tsx'
import { t } from './i18n.ts'
import { Nothing, Waiting } from './parts.tsx'

// GadgetView is one gadget: its picture, or its figures, and what they are of.
export function GadgetView(p: { g: Gadget; d: Data | undefined; editing: boolean; edit: () => void; remove: () => void }) {
  const [table, setTable] = useState(false)
  const { g, d } = p
  const drawn = g.type === 'bar-chart' || g.type === 'line-chart' || g.type === 'pie-chart'
  return (
    <section class="gadget" aria-label={g.title}>
      <header class={p.editing ? 'handle' : ''}>
        <h2 dir="auto">{g.title}</h2>
        {drawn && <button type="button" class="plain small" aria-pressed={table} onClick={() => setTable(!table)}>{t('gadget.figures')}</button>}
        {p.editing && <button type="button" class="plain small" onClick={p.edit} aria-label={t('gadget.editNamed', { title: g.title })}>{t('edit')}</button>}
        {p.editing && <button type="button" class="plain icon small" onClick={p.remove} aria-label={t('gadget.removeNamed', { title: g.title })} title={t('gadget.remove')}>✕</button>}
      </header>
      <Body d={d} chart={drawn && !table} />
    </section>
  )
}

export function Body(p: { d: Data | undefined; chart: boolean }) {
  const { d } = p
  if (!d) return <Waiting />
  if (d.error) return <p class="failure" role="alert">{d.error.message}</p>
  const empty = d.series.every((s) => s.points.length === 0) && d.records.length === 0
  return (
    <>
      {empty ? <Nothing title={t('figure.empty')} /> : p.chart ? <Chart d={d} />
        : <div class="inside" tabIndex={0} role="group" aria-label={d.title}><Figures d={d} /></div>}
      <Rest d={d} drawn={p.chart} />
    </>
  )
}
