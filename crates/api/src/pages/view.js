'use strict';
// Shows what the API answers. Everything is put in as text, never as markup: titles and errors come from trackers.

const { root, api } = document.documentElement.dataset;
const part = (id) => document.getElementById(id);
const KEY = 'syncline-key';
/** A run that goes on is looked at again after this many milliseconds. */
const AGAIN = 2000;
/** Fields that name something with a page of its own. */
const PAGES = {
  execution_id: 'executions',
  sync_config_id: 'sync-configs',
  config_id: 'sync-configs',
  source_connector_id: 'connectors',
  target_connector_id: 'connectors',
  connector_id: 'connectors',
  conflict_id: 'conflicts',
};
/** What the rows of a list are called in a page's address. */
const LISTS = {
  executions: 'executions',
  sync_configs: 'sync-configs',
  connectors: 'connectors',
  conflicts: 'conflicts',
};
/** Lists that are there a second time under another name. */
const TWICE = ['success', 'configs', 'notifications'];

function make(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

const isThing = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const words = (name) => name.replaceAll('_', ' ');

function link(text, href) {
  return make('a', text, { href });
}

/** A value that stands for itself. */
function plain(name, value, list) {
  const page = name === 'id' ? LISTS[list] : PAGES[name];
  if (page && /^[0-9]+$/.test(String(value))) return link(value, `${root}${page}/${value}`);
  if (typeof value === 'string' && /^https?:\/\//.test(value) && name.endsWith('url')) return link(value, value);
  if (value === null || value === '') return make('span', '\u2013', { class: 'none' });
  if (name === 'status') return make('span', value, { class: `status ${String(value).replace(/[^a-z_]/g, '')}` });
  return make('span', String(value));
}

/** Several values in one line, without those that say nothing. */
function brief(thing) {
  const told = Object.entries(thing).filter(([, value]) => value !== 0 && value !== null && value !== false);
  const texts = told.map(([name, value]) => {
    const text = value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value);
    return value === true ? words(name) : `${words(name)} ${text}`;
  });
  return texts.length > 0 ? make('span', texts.join(', ')) : make('span', 'none', { class: 'none' });
}

function table(name, rows) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const made = make('table');
  const head = made.createTHead().insertRow();
  for (const column of columns) head.append(make('th', words(column), { scope: 'col' }));
  const body = made.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const column of columns) {
      const value = row[column] ?? null;
      line.insertCell().append(isThing(value) ? brief(value) : show(column, value, name));
    }
  }
  const frame = make('div', undefined, { class: 'wide', tabindex: '0' });
  frame.append(made);
  return frame;
}

function fields(thing, name) {
  const made = make('dl');
  for (const [field, value] of Object.entries(thing)) {
    const line = make('dd');
    line.append(show(field, value, name));
    made.append(make('dt', words(field)), line);
  }
  return made;
}

function show(name, value, list) {
  if (Array.isArray(value)) {
    if (value.length === 0) return make('span', 'none', { class: 'none' });
    if (value.every(isThing)) return table(name, value);
    return make('span', value.map((one) => (isThing(one) ? JSON.stringify(one) : String(one))).join(', '));
  }
  if (!isThing(value)) return plain(name, value, list);
  return Object.values(value).every((one) => typeof one === 'number') ? brief(value) : fields(value, list);
}

function fill(reply) {
  const view = part('view');
  view.replaceChildren();
  const loose = {};
  for (const [name, value] of Object.entries(reply)) {
    if (TWICE.includes(name) && !(name === 'notifications' && !reply.notification_settings)) continue;
    if (value === null) continue;
    if (typeof value !== 'object') {
      loose[name] = value;
      continue;
    }
    const section = make('section');
    section.append(make('h2', words(name)), show(name, value));
    view.append(section);
  }
  if (Object.keys(loose).length > 0) view.prepend(fields(loose));
}

function say(text, isFault = false) {
  part('word').textContent = text;
  part('word').className = isFault ? 'fault' : '';
}

async function look() {
  const key = sessionStorage.getItem(KEY);
  const headers = { accept: 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) };
  let reply;
  let answer;
  try {
    answer = await fetch(root + api, { headers });
    reply = await answer.json();
  } catch {
    say('The server does not answer. Is it running?', true);
    return;
  }
  part('door').hidden = answer.status !== 401;
  if (!answer.ok) {
    if (answer.status === 401) sessionStorage.removeItem(KEY);
    say(answer.status === 401 && !key ? 'Enter an API key to see this page.' : reply.message, true);
    part('view').replaceChildren();
    return;
  }
  say('');
  fill(reply);
  if (reply.execution?.status === 'running') setTimeout(look, AGAIN);
}

part('door').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, part('key').value.trim());
  part('key').value = '';
  look();
});
look();
