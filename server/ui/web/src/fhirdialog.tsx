import { useState } from 'preact/hooks'
import { call, send } from './api.ts'
import { known, t } from './i18n.ts'
import { Choice, Dialog, Failure, Text, useLoaded, useWork } from './parts.tsx'
import { instantIn, useSession, zone } from './session.ts'
import { useSignal } from './signal.ts'

interface Groups { entry?: { resource: { id: string; name?: string } }[] }

type Level = 'system' | 'patient' | 'group'

const paths = { system: () => '$export', patient: () => 'Patient/$export', group: (id: string) => `Group/${encodeURIComponent(id)}/$export` }

// FhirDialog asks what to export, and begins it.
export function FhirDialog(p: { close: () => void; begun: () => void }) {
  const { me, server } = useSession()
  const here = useSignal(zone)
  const levels: Level[] = [...me.permissions.includes('export') ? ['system' as const] : [], 'patient', ...server.fhir?.groups ? ['group' as const] : []]
  const groups = useLoaded((stop) => server.fhir?.groups ? call<Groups>('fhir/r4/Group', { headers: { Accept: 'application/fhir+json' }, signal: stop }) : Promise.resolve({} as Groups), [])
  const [level, setLevel] = useState<Level>(levels[0] ?? 'patient')
  const [group, setGroup] = useState('')
  const [types, setTypes] = useState<string[]>([])
  const [since, setSince] = useState('')
  const [elements, setElements] = useState('')
  const work = useWork()
  const offeredGroups = groups.value?.entry?.map((e): [string, string] => [e.resource.id, e.resource.name ?? e.resource.id]) ?? []
  const offered = (server.fhir?.types ?? []).filter((o) => level === 'system' || o.patients).map((o) => o.type)
  const chosen = types.filter((name) => offered.includes(name))
  const start = () => work.run(async () => {
    const of = group || offeredGroups[0]?.[0] || ''
    const query = { _type: chosen.join(','), _since: since ? instantIn(since, here) : '', _elements: elements.split(',').map((e) => e.trim()).filter((e) => e !== '').join(',') }
    await send(`fhir/r4/${paths[level](of)}`, { query, headers: { Accept: 'application/fhir+json', Prefer: 'respond-async' } })
    p.begun()
    p.close()
  })
  return (
    <Dialog title={t('fhir.new')} close={p.close}>
      <form onSubmit={(e) => { e.preventDefault(); start() }}>
        <fieldset class="formats">
          <legend>{t('fhir.whose')}</legend>
          {levels.map((l) => (
            <label key={l} class="pick"><input type="radio" name="level" value={l} checked={level === l} onChange={() => setLevel(l)} /> <b>{known('fhir.level', l)}</b> <span class="quiet">{known('fhir.levelHelp', l)}</span></label>
          ))}
        </fieldset>
        {level === 'group' && <Choice label={t('fhir.group')} value={group || offeredGroups[0]?.[0] || ''} set={setGroup} of={offeredGroups} />}
        {level === 'group' && groups.value && offeredGroups.length === 0 && <p class="warning">{t('fhir.noGroups')}</p>}
        <fieldset class="kinds">
          <legend>{t('fhir.types')}</legend>
          {offered.map((name) => (
            <label key={name} class="pick"><input type="checkbox" value={name} checked={chosen.includes(name)} onChange={(e) => setTypes((old) => e.currentTarget.checked ? [...old, name] : old.filter((o) => o !== name))} /> {name}</label>
          ))}
          <p class="quiet">{t('fhir.typesHelp')}</p>
        </fieldset>
        <Text label={t('fhir.sinceIn', { zone: here })} type="datetime-local" value={since} set={setSince} help={t('fhir.sinceHelp')} />
        <Text label={t('fhir.elements')} value={elements} set={setElements} help={t('fhir.elementsHelp')} mono />
        <Failure error={groups.error ?? work.error} />
        <footer>
          <button type="button" onClick={p.close}>{t('cancel')}</button>
          <button type="submit" class="main" disabled={work.busy || level === 'group' && offeredGroups.length === 0}>{t('export.start')}</button>
        </footer>
      </form>
    </Dialog>
  )
}
