// Shows openapi.json: every operation with its parameters, its body and its answers.
'use strict';

const el = (tag, attributes, ...children) => {
  const e = document.createElement(tag);
  Object.assign(e, attributes);
  e.append(...children.filter((c) => c !== null && c !== undefined && c !== ''));
  return e;
};

let doc;

const resolve = (schema) => {
  const name = schema && schema.$ref && schema.$ref.split('/').pop();
  return name ? { ...doc.components.schemas[name], name } : schema || {};
};

const typeOf = (given) => {
  const s = resolve(given);
  const types = [].concat(s.type || 'any').map((t) => (t === 'array' ? `list of ${typeOf(s.items)}` : t === 'object' && s.name ? s.name : t));
  const more = [];
  if (s.enum) more.push(s.enum.join(' | '));
  if (s.format) more.push(s.format);
  if (s.minimum !== undefined) more.push(`from ${s.minimum}`);
  if (s.maximum !== undefined) more.push(`to ${s.maximum}`);
  if (s.default !== undefined) more.push(`default ${JSON.stringify(s.default)}`);
  return types.join(' or ') + (more.length ? ` (${more.join(', ')})` : '');
};

const rows = (title, list) => list.length === 0 ? null : el('table', {},
  el('thead', {}, el('tr', {}, ...[title, 'type', ''].map((t) => el('th', { textContent: t })))),
  el('tbody', {}, ...list.map((r) => el('tr', {},
    el('td', { textContent: r.name + (r.required ? ' *' : '') }), el('td', { textContent: r.type }), el('td', { textContent: r.about || '' })))));

const members = (given) => {
  let s = resolve(given);
  if (s.type === 'array') s = resolve(s.items);
  return Object.entries(s.properties || {}).map(([name, p]) => ({
    name, type: typeOf(p), about: p.description || resolve(p).description, required: (s.required || []).includes(name),
  }));
};

const bodyOf = (content) => {
  const media = content && Object.values(content)[0];
  return media ? media.schema : null;
};

const operation = (path, method, op) => {
  const inside = el('div', { className: 'inside' });
  if (op.description) inside.append(el('p', { textContent: op.description }));
  const parameters = (op.parameters || []).map((p) => ({
    name: p.name, type: `${typeOf(p.schema)}, in ${p.in}`, about: p.description, required: p.required,
  }));
  const body = op.requestBody && bodyOf(op.requestBody.content);
  const ok = Object.entries(op.responses || {}).find(([status]) => status.startsWith('2'));
  const answer = ok && bodyOf(ok[1].content);
  for (const part of [rows('parameter', parameters), body && rows('body', members(body)), answer && rows(`answer ${ok[0]}`, members(answer))]) {
    if (part) inside.append(part);
  }
  const errors = Object.keys(op.responses || {}).filter((s) => s >= '400' || s === 'default');
  if (errors.length) inside.append(el('p', { className: 'quiet', textContent: `Problems: ${errors.join(', ')}` }));
  return el('details', { id: op.operationId },
    el('summary', {},
      el('span', { className: 'method', textContent: method.toUpperCase() }),
      el('span', { className: 'path', textContent: path }),
      el('span', { className: 'summary', textContent: op.summary || '' })),
    inside);
};

const show = (wanted) => {
  const groups = new Map();
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const [method, op] of Object.entries(item)) {
      if (!op.operationId || !`${path} ${method} ${op.summary} ${op.tags}`.toLowerCase().includes(wanted)) continue;
      const tag = (op.tags || ['Other'])[0];
      groups.set(tag, [...(groups.get(tag) || []), operation(path, method, op)]);
    }
  }
  document.getElementById('operations').replaceChildren(
    ...[...groups].flatMap(([tag, all]) => [el('h2', { textContent: tag }), ...all]));
};

fetch('openapi.json').then((r) => r.json()).then((d) => {
  doc = d;
  document.getElementById('about').textContent = `${d.info.description} Version ${d.info.version || 'unknown'}.`;
  const find = document.getElementById('find');
  find.addEventListener('input', () => show(find.value.toLowerCase()));
  show('');
}).catch((e) => {
  document.getElementById('about').textContent = `The description cannot be read: ${e}`;
});
