import { useEffect, useState } from 'preact/hooks'
import { show } from './cells.ts'
import { count, t } from './i18n.ts'
import { plain } from './numbers.ts'
import type { Pages } from './pages.ts'
import { copy, Dialog, Waiting } from './parts.tsx'
import type { FieldInfo } from './types.ts'

// RecordView shows one record as a whole, and goes to those beside it.
export function RecordView(p: { pages: Pages; n: number; fields: FieldInfo[]; zone: string; move: (n: number) => void; close: () => void }) {
  const [, again] = useState(0)
  const [empty, setEmpty] = useState(false)
  const r = p.pages.at(p.n)
  useEffect(() => {
    if (r) return undefined
    p.pages.want(p.n, p.n)
    const id = setInterval(() => { if (p.pages.at(p.n) || p.pages.error) again((n) => n + 1) }, 100)
    return () => clearInterval(id)
  }, [p.n, r])
  const kinds = new Map(p.fields.map((f) => [f.path, f]))
  const all = r ? Object.entries(r.fields).filter(([, v]) => empty || v !== null && !(Array.isArray(v) && v.length === 0)) : []
  return (
    <Dialog wide title={t('record.title', { n: count(p.n + 1), total: count(p.pages.total) })} close={p.close}>
      {!r ? <Waiting /> : (
        <div class="record">
          <p class="quiet">{r.index} · <span class="mono">{r.id}</span></p>
          <dl>
            {all.map(([path, v]) => {
              const f = kinds.get(path)
              return (
                <div key={path}>
                  <dt><span>{f?.label ?? path}</span>{f && f.label !== path && <span class="mono quiet">{path}</span>}{f?.personal && <span class="badge">{t('record.personal')}</span>}</dt>
                  <dd dir="auto">{v === null ? <span class="quiet">{t('record.none')}</span> : show(v, f?.kind ?? '', p.zone)}</dd>
                </div>
              )
            })}
          </dl>
        </div>
      )}
      <footer>
        <label class="inline"><input type="checkbox" checked={empty} onChange={(e) => setEmpty(e.currentTarget.checked)} /> {t('record.empty')}</label>
        <span class="space" />
        <button type="button" disabled={!r} onClick={() => r && copy(plain({ id: r.id, index: r.index, fields: r.fields }))}>{t('record.copy')}</button>
        <button type="button" disabled={p.n === 0} onClick={() => p.move(p.n - 1)}>{t('record.before')}</button>
        <button type="button" disabled={p.n + 1 >= p.pages.extent} onClick={() => p.move(p.n + 1)}>{t('record.next')}</button>
      </footer>
    </Dialog>
  )
}
