/*
 * The operator's console. It reads the feed of events, keeps what they say in `requests`, and draws what has changed once a frame.
 * Whatever a request or a provider has written gets into the page as text only: textContent, never markup.
 */

/** What the page calls; `no` is the number of a request, `id` its id. */
const PATHS = {
  events: 'events',
  models: 'v1/models',
  send: 'requests',
  cancel: id => 'requests/' + encodeURIComponent(id),
  outcome: id => 'requests/' + encodeURIComponent(id),
  again: no => `console/requests/${no}/again`,
  sendBack: message => `console/dead-letters/${encodeURIComponent(message)}/back`
};

const KEPT_DONE = 1000;
/** The rows of requests in work that are shown unasked. */
const SHOWN_NOW = 25;
/** Characters of one text that are kept and shown. */
const KEPT_TEXT = 65536;
/** Characters of what is no answer: prompts, messages, bodies. */
const SHORT_TEXT = 4000;
/** Milliseconds of a frame that may go into drawing rows. */
const FRAME_SHARE = 7;
/** The server sends a comment every 15 s. */
const SILENCE = 45000;
const LONGEST_PAUSE = 15000;
const MINUTES = 60;

const WAYS_IN = {
  file: 'a file in the inbox', queue: 'a message of the queue', http: 'HTTP', direct: 'direct:generate', stream: 'direct:generate-stream',
  sink: 'direct:generate-and-emit', batch: 'a line of a batch'
};
const STATES = {
  waiting: 'waits for room: in a rate limit, a budget, or before a retry',
  creating: 'sent to the provider, which has not answered yet',
  queued: 'at the provider, which has not started it',
  running: 'being run by the provider',
  streaming: 'its text is arriving',
  delivering: 'has its outcome, which is being emitted'
};

const $ = id => document.getElementById(id);

/* ---- Text of others ---- */

// Line feeds and tabs stay. Controls become their pictures; marks that change the direction or the place of text, their names.
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
const MARKS = /[\u0080-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A text in which nothing is invisible. */
export function visible(text) {
  return text.replace(/\r\n/g, '\n')
    .replace(CONTROLS, c => c === '\x7f' ? '\u2421' : String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(MARKS, c => '[U+' + c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0') + ']');
}

/* ---- Elements ---- */

/** An element; properties are set, attributes are those with a hyphen and `role`, children may be text. */
function h(name, properties, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (key.includes('-') || key === 'role' || key === 'colspan') {
      element.setAttribute(key, value);
    } else {
      element[key] = value;
    }
  }
  element.append(...children.filter(child => child !== null && child !== undefined && child !== ''));
  return element;
}

function svg(name, attributes, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** An element that holds text of others, or its beginning. */
function foreign(name, className, text) {
  return h(name, {className: (className + ' foreign').trim(), dir: 'auto'}, visible(short(text)));
}

function short(text) {
  return text.length <= SHORT_TEXT ? text : `${text.slice(0, SHORT_TEXT)} … (${count(text.length - SHORT_TEXT, 'more character')})`;
}

/** Draws a part of the page again, if its value is another one; the focus stays at its place. */
function redraw(node, value, build) {
  const drawn = mode + JSON.stringify(value);
  if (node.drawn === drawn) {
    return;
  }
  node.drawn = drawn;
  const stops = () => [...node.querySelectorAll('button, summary, [tabindex]')];
  const at = stops().indexOf(document.activeElement);
  node.replaceChildren(...build());
  if (at >= 0) {
    (stops()[at] ?? stops().pop() ?? $('main')).focus({preventScroll: true});
  }
}

/** Sets a text, if it is another one. */
function put(node, text) {
  if (node.put !== text) {
    node.put = text;
    node.textContent = text;
  }
}

function putClass(node, name) {
  if (node.className !== name) {
    node.className = name;
  }
}

let noteTimer;
/** Says for some seconds what has become of an action. */
function note(text) {
  $('note').textContent = text;
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => { $('note').textContent = ''; }, 6000);
}

/* ---- Words ---- */

const number = new Intl.NumberFormat('en');

function duration(ms) {
  if (ms === undefined || ms === null) {
    return '';
  }
  if (ms < 1000) {
    return Math.round(ms) + ' ms';
  }
  if (ms < 60000) {
    return (ms / 1000).toFixed(ms < 10000 ? 1 : 0) + ' s';
  }
  const seconds = Math.floor(ms / 1000);
  return ms < 3600000 ? `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, '0')} s`
    : `${Math.floor(seconds / 3600)} h ${String(Math.floor(seconds / 60) % 60).padStart(2, '0')} m`;
}

function money(amount, currency) {
  const digits = amount === 0 ? 0 : Math.min(8, Math.max(2, 2 - Math.floor(Math.log10(Math.abs(amount)))));
  return amount.toFixed(digits).replace(/(\.\d\d\d*?)0+$/, '$1') + ' ' + currency;
}

const clock = new Intl.DateTimeFormat('en-GB', {hour: '2-digit', minute: '2-digit', second: '2-digit'});
const minuteClock = new Intl.DateTimeFormat('en-GB', {hour: '2-digit', minute: '2-digit'});
const dayAndClock = new Intl.DateTimeFormat('en-GB', {day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit'});

function timeOfDay(iso) {
  const then = new Date(iso);
  return now() - then < 86400000 ? clock.format(then) : dayAndClock.format(then);
}

function count(n, one, many = one + 's') {
  return `${number.format(n)} ${n === 1 ? one : many}`;
}

/* ---- The key, and calls ---- */

function key() {
  return sessionStorage.getItem('bactrian-key');
}

function call(path, options = {}) {
  const headers = {...options.headers};
  if (key()) {
    headers.Authorization = 'Bearer ' + key();
  }
  return fetch(path, {...options, headers, cache: 'no-store', redirect: 'error', credentials: 'omit'});
}

/** What an answer that is not a success says. */
async function reason(response) {
  const text = await response.text().catch(() => '');
  try {
    const document = JSON.parse(text);
    const message = document.error?.message ?? document.error ?? document.message;
    if (typeof message === 'string') {
      return message;
    }
  } catch {
    // not ours
  }
  return text.length > 0 && text.length < 300 && !text.startsWith('<') ? text : 'the service answered ' + response.status;
}

/** Sends a command, and says what has become of it. True if it was taken. */
async function act(method, path, done) {
  try {
    const response = await call(path, {method});
    if (response.ok) {
      const isLate = (await response.json().catch(() => ({}))).canceled === false;
      note(isLate ? 'Not cancelled: the request has ended, or its outcome is on its way.' : done);
      return !isLate;
    }
    note('Not done: ' + visible(await reason(response)).slice(0, 300));
  } catch {
    note('Not done: the service cannot be reached.');
  }
  return false;
}

/** The events of an answer, as they come; `{}` for a comment. */
async function* eventsOf(response, alive = () => {}) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let searched = 0;
  let name = '';
  let data = [];
  try {
    for (;;) {
      const {value, done} = await reader.read();
      if (done) {
        return;
      }
      alive();
      rest += value;
      let start = 0;
      for (let end = rest.indexOf('\n', searched); end >= 0; end = rest.indexOf('\n', start)) {
        const line = rest.slice(start, rest[end - 1] === '\r' && end > start ? end - 1 : end);
        start = end + 1;
        if (line === '') {
          if (data.length > 0) {
            yield {name: name || 'message', data: data.join('\n')};
          }
          name = '';
          data = [];
        } else if (line.startsWith('data:')) {
          data.push(line.slice(line[5] === ' ' ? 6 : 5));
        } else if (line.startsWith('event:')) {
          name = line.slice(6).trim();
        }
      }
      rest = rest.slice(start);
      searched = rest.length;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/* ---- What is known ---- */

const requests = new Map();
/** The numbers of those that are done, in the order in which they ended. */
const ended = new Set();
const minutes = new Map();
let health = null;
let mode = 'read';
let inWork = 0;
let startedAt = '';
let skew = 0;

/** The time of the service, in milliseconds. */
function now() {
  return Date.now() + skew;
}

/** Whether the page may act. */
function acts() {
  return mode === 'full';
}

const isDone = request => request.state === 'done';

/** Takes over what an event says of a request; its text stays, unless the event brings one. */
function take(request) {
  if (isDone(request) && !ended.has(request.no)) {
    ended.add(request.no);
    if (ended.size > KEPT_DONE) {
      drop(ended.values().next().value);
    }
  }
  const known = requests.get(request.no);
  const text = request.text !== undefined
    ? {from: request.textFrom ?? 0, text: request.text, cut: request.textCut === true}
    : known?.held ?? {from: 0, text: '', cut: false};
  // Of one that is done the event has the beginning alone; who reads the whole goes on reading it.
  const longer = text.cut && opened.has(request.no) && known !== undefined && known.held.from === 0 && known.held.text.length > text.text.length;
  requests.set(request.no, {...request, text: undefined, held: longer ? known.held : text});
  changed(request.no);
}

/** Forgets a request. */
function drop(no) {
  requests.delete(no);
  ended.delete(no);
  opened.delete(no);
  if (lists.some(list => list.rows.has(no))) {
    changed(no);
  } else {
    dirty.delete(no);
  }
}

const handlers = {
  snapshot(data) {
    if (data.startedAt !== startedAt) {
      [...requests.keys()].forEach(drop);
      minutes.clear();
      startedAt = data.startedAt;
    }
    skew = Date.parse(data.now) - Date.now();
    const acted = acts();
    mode = data.mode;
    inWork = data.inWork ?? data.requests.length;
    put($('version'), data.version ?? '');
    const all = new Set([...data.requests, ...data.done].map(request => request.no));
    for (const no of requests.keys()) {
      if (!all.has(no)) {
        drop(no);
      }
    }
    data.requests.forEach(take);
    data.done.map(request => request.no).reverse().forEach(no => ended.add(no));
    data.done.forEach(take);
    if (acted !== acts()) {
      lists.forEach(list => list.clear());
      requests.forEach((request, no) => changed(no));
    }
    showMode();
    handlers.figures(data.figures);
    handlers.health(data.health);
  },

  request(data) {
    if (!requests.has(data.no)) {
      inWork++;
    }
    take(data);
  },

  done(data) {
    inWork = Math.max(0, inWork - 1);
    take(data);
  },

  text(data) {
    const held = requests.get(data.no)?.held;
    if (held === undefined) {
      return;
    }
    const end = held.from + held.text.length;
    if (data.at > end) {
      held.from = data.at;
      held.text = data.text;
    } else {
      held.text += data.text.slice(end - data.at);
    }
    if (held.text.length > 2 * KEPT_TEXT) {
      held.from += held.text.length - KEPT_TEXT;
      held.text = held.text.slice(-KEPT_TEXT);
    }
    dirty.add(data.no);
    plan();
  },

  figures(data) {
    inWork = data.inFlight ?? inWork;
    for (const minute of data.minutes ?? []) {
      minutes.set(Date.parse(minute.at), minute);
    }
    const oldest = Math.max(...minutes.keys()) - (MINUTES - 1) * 60000;
    for (const at of minutes.keys()) {
      if (at < oldest) {
        minutes.delete(at);
      }
    }
    stale.figures = true;
    plan();
  },

  health(data) {
    health = data;
    stale.health = true;
    plan();
  }
};

/* ---- Drawing, once a frame ---- */

const dirty = new Set();
const stale = {figures: false, health: false, counts: false};
let planned = false;

function changed(no) {
  dirty.add(no);
  stale.counts = true;
  plan();
}

function plan() {
  if (!planned) {
    planned = true;
    requestAnimationFrame(draw);
  }
}

function draw() {
  planned = false;
  const end = performance.now() + FRAME_SHARE;
  for (const no of dirty) {
    dirty.delete(no);
    lists.forEach(list => list.draw(no));
    if (performance.now() > end) {
      break;
    }
  }
  if (stale.counts && dirty.size === 0) {
    stale.counts = false;
    drawCounts();
    if (focusOn !== null) {
      (doneList.rows.get(focusOn) ?? nowList.current)?.toggle.focus({preventScroll: true});
      focusOn = null;
    }
  }
  if (stale.figures) {
    stale.figures = false;
    drawFigures();
  }
  if (stale.health) {
    stale.health = false;
    drawHealth();
  }
  if (dirty.size > 0) {
    plan();
  }
}

/* ---- The two lists ---- */

const find = {text: '', state: ''};
/** The numbers of the requests whose details are open. */
const opened = new Set();

function matches(request) {
  const state = isDone(request) ? request.outcome : request.state;
  return (find.state === '' || find.state === state)
    && (find.text === '' || request.id.toLowerCase().includes(find.text) || (request.model ?? '').toLowerCase().includes(find.text));
}

function cell(className, ...children) {
  return h('td', {role: 'cell', className}, ...children);
}

/** One request in a list: its row, and its details if they are open. */
class Row {

  constructor(list, request) {
    this.list = list;
    this.no = request.no;
    this.detail = null;
    this.beyond = false;
    this.state = h('span', {className: 'state'});
    this.name = h('bdi', {className: 'foreign'}, visible(request.id));
    this.toggle = h('button', {type: 'button', className: 'toggle', tabIndex: -1, 'aria-expanded': 'false', title: request.id}, this.name);
    this.from = h('small', {className: 'muted', title: WAYS_IN[request.from] ?? ''}, request.from);
    this.model = h('bdi', {className: 'foreign'});
    this.provider = h('small', {className: 'muted'});
    this.text = h('span', {className: 'foreign tail', dir: 'auto'});
    this.work = h('span', {});
    this.time = h('span', {});
    this.tr = h('tr', {role: 'row'}, cell('c-state', this.state), cell('c-request', this.toggle, ' ', this.from),
      cell('c-model', this.model, ' ', this.provider), cell('c-text', this.text), cell('c-work num', this.work));
    this.toggle.addEventListener('click', () => this.open(this.detail === null));
    this.toggle.addEventListener('focus', () => list.rove(this));
    this.tr.addEventListener('click', event => {
      if (event.target.closest('button, a, img') === null && String(getSelection()) === '') {
        this.open(this.detail === null);
      }
    });
  }

  get request() {
    return requests.get(this.no);
  }

  /** The buttons of the row that Tab reaches while the row is the current one. */
  controls() {
    return this.tr.querySelectorAll('button');
  }

  open(is) {
    if (is === (this.detail !== null)) {
      return;
    }
    this.toggle.setAttribute('aria-expanded', String(is));
    this.tr.classList.toggle('open', is);
    if (is) {
      opened.add(this.no);
      this.detail = new Detail(this.request);
      this.tr.after(this.detail.tr);
      this.detail.draw(this.request);
    } else {
      opened.delete(this.no);
      this.detail.tr.remove();
      this.detail = null;
    }
  }

  draw() {
    const request = this.request;
    put(this.model, visible(request.model ?? '–'));
    this.model.title = request.model ?? '';
    put(this.provider, request.provider ?? '');
    this.detail?.draw(request);
  }

  /** Shows the row if it is looked for, and not one too many. */
  show() {
    const hidden = this.beyond || !matches(this.request);
    this.tr.hidden = hidden;
    if (this.detail !== null) {
      this.detail.tr.hidden = hidden;
    }
  }

  remove() {
    this.tr.remove();
    this.detail?.tr.remove();
  }
}

class NowRow extends Row {

  constructor(list, request) {
    super(list, request);
    this.tr.append(cell('c-time num', this.time));
    const action = cell('c-action');
    if (acts()) {
      action.append(cancelButton(request));
    }
    this.tr.append(action);
  }

  draw() {
    super.draw();
    const request = this.request;
    putClass(this.state, 'state ' + request.state);
    put(this.state, request.state);
    this.state.title = STATES[request.state] ?? '';
    const text = request.held.text;
    put(this.text, text !== '' ? visible(text.slice(-300)) : request.prompt !== undefined ? visible(request.prompt.slice(0, 200)) : '');
    putClass(this.text, text !== '' ? 'foreign tail' : 'foreign prompt');
    const length = request.held.from + text.length;
    put(this.work, length > 0 ? `${number.format(length)} chars` : request.polls > 0 ? count(request.polls, 'poll') : '');
    this.tick();
  }

  tick() {
    put(this.time, elapsed(now() - Date.parse(this.request.startedAt)));
    this.detail?.tick(this.request);
  }
}

/** How long something has taken so far, without jitter. */
function elapsed(ms) {
  return duration(ms < 10000 ? Math.max(0, Math.round(ms / 100) * 100) || 0 : ms).replace(/^(\d+) ms$/, (all, n) => (n / 1000).toFixed(1) + ' s');
}

class DoneRow extends Row {

  constructor(list, request) {
    super(list, request);
    this.cost = h('span', {});
    this.ended = h('span', {});
    this.thumbs = h('span', {className: 'thumbs'});
    this.text.before(this.thumbs);
    this.tr.append(cell('c-cost num', this.cost), cell('c-time num', this.time), cell('c-ended num', this.ended));
    (request.images ?? []).slice(0, 4).forEach(image => {
      const shown = picture(image, '');
      if (shown !== null) {
        this.thumbs.append(shown);
      }
    });
  }

  draw() {
    super.draw();
    const request = this.request;
    putClass(this.state, 'state ' + request.outcome);
    put(this.state, request.outcome);
    const error = request.outcome === 'failed' ? request.error : undefined;
    put(this.text, visible(error ? `${error.type}: ${error.reason ?? error.message ?? ''}`.slice(0, 300)
      : request.held.text !== '' ? request.held.text.slice(0, 300) : request.prompt ?? ''));
    putClass(this.text, 'foreign' + (error ? ' error' : request.held.text === '' ? ' prompt' : ''));
    put(this.work, workOf(request));
    put(this.cost, request.cost ? money(request.cost.amount, request.cost.currency) : '');
    put(this.time, duration(request.durationMs));
    put(this.ended, timeOfDay(request.endedAt));
  }

  tick() {
  }
}

function workOf(request) {
  const tokens = request.tokens;
  return tokens ? `${number.format(tokens.prompt ?? 0)} + ${number.format(tokens.completion ?? 0)}`
    : request.predictMs !== undefined ? duration(request.predictMs) : '';
}

function cancelButton(request) {
  const button = h('button', {type: 'button', className: 'cancel', 'aria-label': 'Cancel ' + visible(request.id)}, 'Cancel');
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-disabled') === 'true') {
      return;
    }
    button.setAttribute('aria-disabled', 'true');
    put(button, 'Cancelling');
    if (!await act('DELETE', PATHS.cancel(request.id), `${visible(request.id)} is being cancelled.`)) {
      button.removeAttribute('aria-disabled');
      put(button, 'Cancel');
    }
  });
  return button;
}

/** The rows of one list, in its order. */
class List {

  constructor(id, type, holds, before) {
    this.table = $(id);
    this.body = this.table.tBodies[0];
    this.type = type;
    this.holds = holds;
    this.before = before;
    this.rows = new Map();
    /** The rows by their elements. */
    this.byElement = new WeakMap();
    this.current = null;
    this.body.addEventListener('keydown', event => this.key(event));
  }

  draw(no) {
    const request = requests.get(no);
    let row = this.rows.get(no);
    if (request === undefined || !this.holds(request)) {
      if (row !== undefined) {
        this.remove(row);
      }
      return;
    }
    if (row === undefined) {
      row = new this.type(this, request);
      this.rows.set(no, row);
      this.byElement.set(row.tr, row);
      this.insert(row);
      row.draw();
      if (opened.has(no)) {
        row.open(true);
      }
      if (this.current === null) {
        this.rove(row);
      }
    } else {
      row.draw();
    }
    row.show();
  }

  insert(row) {
    const last = this.last();
    if (last === null || this.before(last.request ?? row.request, row.request)) {
      this.body.append(row.tr);
      return;
    }
    for (let tr = this.body.firstElementChild; tr !== null; tr = tr.nextElementSibling) {
      const other = this.byElement.get(tr);
      if (other?.request !== undefined && this.before(row.request, other.request)) {
        tr.before(row.tr);
        return;
      }
    }
    this.body.append(row.tr);
  }

  last() {
    for (let tr = this.body.lastElementChild; tr !== null; tr = tr.previousElementSibling) {
      if (this.byElement.has(tr)) {
        return this.byElement.get(tr);
      }
    }
    return null;
  }

  remove(row) {
    if (row.tr.contains(document.activeElement) || row.detail?.tr.contains(document.activeElement)) {
      focusOn = row.no;
    }
    if (this.current === row) {
      this.current = null;
      const next = this.beside(row.tr, 'nextElementSibling') ?? this.beside(row.tr, 'previousElementSibling');
      if (next !== null) {
        this.rove(next);
      }
    }
    row.remove();
    this.rows.delete(row.no);
  }

  clear() {
    this.rows.forEach(row => row.remove());
    this.rows.clear();
    this.current = null;
  }

  /** Hides what is not looked for, and what is beyond the first `most`. The number of rows that are looked for. */
  filter(most) {
    let left = 0;
    for (const tr of this.body.children) {
      const row = this.byElement.get(tr);
      if (row?.request !== undefined) {
        left += matches(row.request) ? 1 : 0;
        row.beyond = left > most;
        row.show();
      }
    }
    if (this.current === null || this.current.tr.hidden) {
      const first = this.body.firstElementChild;
      const next = first === null ? null : this.byElement.get(first) !== undefined && !first.hidden ? this.byElement.get(first)
        : this.beside(first, 'nextElementSibling');
      if (next !== null) {
        this.rove(next);
      }
    }
    return left;
  }

  /** Makes a row the one that Tab reaches. */
  rove(row) {
    if (this.current === row) {
      return;
    }
    this.current?.controls().forEach(control => { control.tabIndex = -1; });
    this.current = row;
    row.controls().forEach(control => { control.tabIndex = 0; });
  }

  /** The next row in a direction that can be seen, or null. */
  beside(from, direction) {
    for (let tr = from[direction]; tr !== null; tr = tr[direction]) {
      const row = this.byElement.get(tr);
      if (row !== undefined && !tr.hidden) {
        return row;
      }
    }
    return null;
  }

  key(event) {
    const from = event.target.closest('tr');
    const at = this.byElement.get(from);
    if (at === undefined || event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    let to = null;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      to = this.beside(from, event.key === 'ArrowDown' ? 'nextElementSibling' : 'previousElementSibling');
    } else if (event.key === 'PageDown' || event.key === 'PageUp') {
      to = at;
      for (let i = 0; i < 15; i++) {
        to = this.beside(to.tr, event.key === 'PageDown' ? 'nextElementSibling' : 'previousElementSibling') ?? to;
      }
    } else if (event.key === 'Home' || event.key === 'End') {
      const edge = event.key === 'Home' ? this.body.firstElementChild : this.body.lastElementChild;
      to = this.byElement.has(edge) && !edge.hidden ? this.byElement.get(edge)
        : this.beside(edge, event.key === 'Home' ? 'nextElementSibling' : 'previousElementSibling');
    }
    if (to !== null) {
      event.preventDefault();
      to.toggle.focus();
    }
  }
}

/** A request whose row had the focus when it went from one list to the other. */
let focusOn = null;

const lists = [
  new List('now', NowRow, request => !isDone(request), (one, other) => one.no < other.no),
  new List('done', DoneRow, isDone, (one, other) => one.endedAt > other.endedAt || one.endedAt === other.endedAt && one.no > other.no)
];
const [nowList, doneList] = lists;

let showAllNow = false;

function drawCounts() {
  const now = nowList.filter(showAllNow ? Infinity : SHOWN_NOW);
  const done = doneList.filter(Infinity);
  const found = find.text !== '' || find.state !== '';
  put($('found'), found ? `${count(now + done, 'request')} found` : '');
  put($('now-count'), inWork > 0 ? `${number.format(inWork)} in work${inWork > nowList.rows.size ? `, ${number.format(nowList.rows.size)} listed` : ''}` : '');
  put($('done-count'), doneList.rows.size > 0 ? `the last ${number.format(doneList.rows.size)}` : '');
  $('in-work').hidden = inWork === 0;
  put($('in-work'), number.format(inWork));
  $('in-work').title = `${number.format(inWork)} in work`;
  $('now').hidden = now === 0;
  $('now-none').hidden = now > 0;
  put($('now-none'), found && nowList.rows.size > 0 ? 'No request in work matches.' : 'No request is in work.');
  $('now-more').hidden = now <= SHOWN_NOW;
  put($('now-more').firstElementChild, showAllNow ? `Show the first ${SHOWN_NOW}` : `Show all ${number.format(now)}`);
  const asGallery = $('as-gallery').getAttribute('aria-pressed') === 'true';
  if (asGallery) {
    drawGallery();
  }
  $('done').hidden = done === 0 || asGallery;
  $('gallery').hidden = !asGallery;
  const none = asGallery ? $('gallery').childElementCount === 0 : done === 0;
  $('done-none').hidden = !none;
  put($('done-none'), asGallery ? 'There is no picture.' : found && doneList.rows.size > 0 ? 'No request that is done matches.' : 'No request is done yet.');
}

/* ---- Pictures ---- */

/** Where the bytes of an image are, or null if it has no URL that can be shown. */
function imageUrl(image) {
  try {
    const url = new URL(image.url, location.href);
    return image.url && (['http:', 'https:'].includes(url.protocol) || /^data:image\//i.test(image.url)) ? url : null;
  } catch {
    return null;
  }
}

/** An image of an answer, with the words for who does not see it; null if there is nothing to show. */
function picture(image, words) {
  const url = imageUrl(image);
  if (url === null) {
    return null;
  }
  const img = h('img', {alt: words, loading: 'lazy', decoding: 'async', referrerPolicy: 'no-referrer'});
  img.addEventListener('error', () => {
    img.replaceWith(h('span', {className: 'gone'}, 'The picture is no longer there.'));
  }, {once: true});
  if (url.origin === location.origin && key()) {
    // An image element cannot send the key.
    call(url.href).then(answer => answer.ok ? answer.blob() : Promise.reject(answer.status)).then(blob => {
      const reader = new FileReader();
      reader.onload = () => { img.src = reader.result; };
      reader.readAsDataURL(blob);
    }).catch(() => img.dispatchEvent(new Event('error')));
  } else {
    img.src = url.href;
  }
  return img;
}

function drawGallery() {
  const gallery = $('gallery');
  const shown = new Map([...gallery.children].map(item => [item.dataset.place, item]));
  const wanted = [];
  for (const tr of doneList.body.children) {
    const request = doneList.byElement.get(tr)?.request;
    if (request === undefined || tr.hidden) {
      continue;
    }
    (request.images ?? []).forEach((image, index) => {
      if (imageUrl(image) !== null && wanted.length < 200) {
        const place = request.no + '/' + index;
        wanted.push(shown.get(place) ?? tile(request, image, place));
      }
    });
  }
  const kept = new Set(wanted);
  [...gallery.children].filter(item => !kept.has(item)).forEach(item => item.remove());
  let place = gallery.firstElementChild;
  for (const item of wanted) {
    if (item === place) {
      place = place.nextElementSibling;
    } else {
      gallery.insertBefore(item, place);
    }
  }
}

function tile(request, image, place) {
  const button = h('button', {type: 'button', 'aria-label': `Details of ${visible(request.id)}`}, picture(image, ''));
  button.addEventListener('click', () => {
    showAs('list');
    const row = doneList.rows.get(request.no);
    row?.open(true);
    row?.toggle.focus();
  });
  const item = h('li', {}, button, foreign('span', 'name', request.id), h('small', {className: 'muted foreign'}, visible(request.model ?? '')));
  item.dataset.place = place;
  return item;
}

function showAs(form) {
  $('as-list').setAttribute('aria-pressed', String(form === 'list'));
  $('as-gallery').setAttribute('aria-pressed', String(form === 'gallery'));
  drawCounts();
}

/* ---- The details of a request ---- */

/** A text that grows: only what is new gets into the page. */
class LongText {

  constructor() {
    this.pre = h('pre', {className: 'text foreign', dir: 'auto', tabIndex: 0, role: 'group', 'aria-label': 'Text'});
    this.before = h('p', {className: 'muted', hidden: true});
    this.after = h('p', {className: 'muted', hidden: true}, 'The rest is in the result.');
    this.from = 0;
    this.end = 0;
  }

  draw(held) {
    const end = held.from + held.text.length;
    if (held.from > this.end || end < this.end || this.end === 0) {
      this.from = Math.max(held.from, end - KEPT_TEXT);
      this.pre.replaceChildren(visible(held.text.slice(this.from - held.from)));
    } else if (end > this.end) {
      this.pre.append(visible(held.text.slice(this.end - held.from)));
      while (this.pre.childNodes.length > 1 && end - this.from - this.pre.firstChild.length > KEPT_TEXT) {
        this.from += this.pre.firstChild.length;
        this.pre.firstChild.remove();
      }
    }
    this.end = end;
    this.before.hidden = this.from === 0;
    put(this.before, `${count(this.from, 'character')} before this are left out.`);
    this.after.hidden = !held.cut;
  }
}

class Detail {

  constructor(request) {
    this.facts = h('dl', {className: 'facts'});
    this.main = h('div', {className: 'detail-main'});
    this.text = new LongText();
    this.shape = '';
    this.values = new Map();
    const inside = h('div', {className: 'detail-inside'}, this.main, this.facts);
    this.tr = h('tr', {role: 'row', className: 'detail'}, h('td', {role: 'cell', colspan: 8}, inside));
    this.no = request.no;
  }

  draw(request) {
    const shape = [request.state === 'done', request.error !== undefined, request.images?.length ?? 0, request.held.text !== ''].join();
    if (shape !== this.shape) {
      this.shape = shape;
      this.build(request);
    }
    this.text.draw(request.held);
    this.fact('Id', request.id);
    this.fact('Way in', WAYS_IN[request.from] ?? request.from);
    this.fact('Model', request.model ?? undefined);
    this.fact('Provider', request.provider ?? undefined);
    this.fact('Kind', request.kind);
    this.fact('Tried before', request.tried?.length ? request.tried.map(tried => `${tried.model} (${tried.type})`).join(', ') : undefined);
    this.fact('Started', timeOfDay(request.startedAt));
    if (isDone(request)) {
      this.fact('State', undefined);
      this.fact('Ended', timeOfDay(request.endedAt));
      this.fact('Took', duration(request.durationMs));
    } else {
      this.tick(request);
    }
    this.fact('First chunk after', request.firstChunkMs === undefined ? undefined : duration(request.firstChunkMs));
    this.fact('Queued at the service', request.queuedMs === undefined ? undefined : duration(request.queuedMs));
    this.fact('Ran', request.predictMs === undefined ? undefined : duration(request.predictMs));
    this.fact('Polls', request.polls > 0 ? number.format(request.polls) : undefined);
    this.fact('Chunks', request.chunks > 0 ? number.format(request.chunks) : undefined);
    this.fact('Tokens', request.tokens ? `${number.format(request.tokens.prompt ?? 0)} in the prompt, ${number.format(request.tokens.completion ?? 0)} in the answer`
      : undefined);
    this.fact('Cost', request.cost ? `${money(request.cost.amount, request.cost.currency)} by ${request.cost.basis}${request.cost.estimated ? ', estimated' : ''}`
      : undefined);
  }

  tick(request) {
    this.fact('State', `${request.state} for ${elapsed(now() - Date.parse(request.since))}${STATES[request.state] ? ': ' + STATES[request.state] : ''}`);
  }

  fact(name, value) {
    let known = this.values.get(name);
    if (known === undefined) {
      if (value === undefined) {
        return;
      }
      known = {row: h('div', {}, h('dt', {}, name)), dd: h('dd', {className: 'foreign', dir: 'auto'})};
      known.row.append(known.dd);
      this.values.set(name, known);
      this.facts.append(known.row);
    }
    known.row.hidden = value === undefined;
    put(known.dd, visible(value ?? ''));
  }

  build(request) {
    const parts = [];
    const error = request.error;
    if (request.outcome === 'cancelled') {
      parts.push(h('p', {className: 'muted'}, 'The request was cancelled.'));
    } else if (request.outcome === 'unknown') {
      parts.push(h('p', {className: 'muted'}, 'This instance has not heard of the request for a while: another one polls its prediction.'));
    } else if (error !== undefined) {
      parts.push(h('div', {className: 'failure'}, h('strong', {}, error.reason ?? error.type),
        h('p', {}, h('code', {}, error.type), error.httpStatus ? ` · HTTP ${error.httpStatus}` : '',
          error.retryable ? ' · trying again may help' : ' · trying again does not help'),
        error.message ? foreign('pre', 'message', error.message) : null));
    }
    if (request.prompt !== undefined && request.prompt !== '') {
      parts.push(h('h3', {}, 'Prompt'), foreign('p', 'said', request.prompt));
    }
    const images = request.images ?? [];
    if (images.length > 0) {
      parts.push(h('h3', {}, images.length === 1 ? 'Picture' : 'Pictures'), pictures(request, images));
    }
    if (request.held.text !== '' || !isDone(request) && request.kind !== 'image') {
      parts.push(h('h3', {}, isDone(request) ? request.error ? 'Text until then' : 'Text' : 'Text so far'), this.text.before, this.text.pre, this.text.after);
    }
    const buttons = h('div', {className: 'buttons'});
    if (isDone(request) && acts() && request.again) {
      const again = h('button', {type: 'button'}, 'Send again');
      again.addEventListener('click', () => act('POST', PATHS.again(request.no), `${visible(request.id)} is sent again.`));
      buttons.append(again);
    }
    if (request.held.text !== '' && isDone(request)) {
      const copy = h('button', {type: 'button'}, 'Copy the text');
      copy.addEventListener('click', () => copyText(requests.get(this.no)?.held.text ?? ''));
      buttons.append(copy);
    }
    if (buttons.childElementCount > 0) {
      parts.push(buttons);
    }
    const focused = document.activeElement;
    this.main.replaceChildren(...parts);
    if (this.main.contains(focused)) {
      focused.focus({preventScroll: true});
    }
  }
}

/** All images of an answer, as large as they fit, each with a link to itself. */
function pictures(request, images) {
  const box = h('div', {className: 'pictures'});
  images.forEach((image, index) => {
    const words = `Picture ${index + 1} of ${images.length} for: ${visible(short(request.prompt ?? request.id ?? ''))}`;
    const shown = picture(image, words);
    const url = imageUrl(image);
    if (shown === null) {
      const instead = h('span', {className: 'gone'}, image.bytes === undefined ? 'The picture cannot be shown.'
        : `The picture (${number.format(Math.ceil(image.bytes / 1000))} kB) is in the result.`);
      box.append(instead);
      if (image.bytes !== undefined && request.from === 'http') {
        outcomeOf(request).then(outcome => instead.replaceWith(picture(outcome.images[index], words) ?? instead)).catch(() => {});
      }
    } else if (url.protocol !== 'data:' && url.origin !== location.origin) {
      box.append(h('a', {href: url.href, target: '_blank', rel: 'noopener noreferrer'}, shown));
    } else {
      box.append(shown);
    }
  });
  return box;
}

/** The outcome of a request of the HTTP door, which keeps it for a while. */
async function outcomeOf(request) {
  const answer = await call(PATHS.outcome(request.id));
  return answer.json();
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    note('Copied.');
  } catch {
    note('The browser does not allow copying here. Select the text instead.');
  }
}

/* ---- Try it ---- */

const kinds = new Map();

async function loadModels() {
  try {
    const answer = await call(PATHS.models);
    if (!answer.ok) {
      return;
    }
    const select = $('ask-model');
    const chosen = select.value;
    const groups = new Map();
    for (const model of (await answer.json()).data ?? []) {
      const group = `${model.provider ?? model.owned_by ?? ''}${model.kind === 'image' ? ', pictures' : ''}`;
      kinds.set(model.id, model.kind);
      if (!groups.has(group)) {
        groups.set(group, h('optgroup', {label: visible(group)}));
      }
      groups.get(group).append(h('option', {value: model.id}, visible(model.id)));
    }
    select.replaceChildren(h('option', {value: ''}, 'the default model'), ...groups.values());
    select.value = chosen;
    drawSame();
  } catch {
    // asked for again at the next snapshot
  }
}

function request() {
  const model = $('ask-model').value;
  return model === '' ? {prompt: $('ask-prompt').value} : {model, prompt: $('ask-prompt').value};
}

/** JSON in one line, all of it visible, and without what Camel takes for a placeholder. */
export function json(value, indent) {
  return JSON.stringify(value, null, indent).replace(CONTROLS, escaped).replace(MARKS, escaped).replace(/\{\{/g, '{\\u007b');
}

function escaped(c) {
  return c === '\n' ? c : '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0');
}

export function asCurl(body) {
  const quoted = text => "'" + text.replace(/'/g, "'\\''") + "'";
  return ['curl -N ' + quoted(new URL(PATHS.send, location.href).href),
    ...(key() ? ['  -H "Authorization: Bearer $BACTRIAN_KEY"'] : []),
    "  -H 'Content-Type: application/json' -H 'Accept: text/event-stream'",
    '  -d ' + quoted(json(body))].join(' \\\n');
}

export function asYaml(body) {
  return ['- setBody:', '    expression:', '      constant:', "        expression: '" + json(body).replace(/'/g, "''") + "'", '- to:',
    '    uri: direct:generate'].join('\n');
}

function drawSame() {
  put($('as-curl'), asCurl(request()));
  put($('as-yaml'), asYaml(request()));
  put($('as-file'), json(request(), 2));
}

let asking = null;

async function ask() {
  if (asking !== null) {
    return;
  }
  asking = new AbortController();
  const begun = performance.now();
  const box = $('answer');
  const long = new LongText();
  const held = {from: 0, text: '', cut: false};
  let chunks = 0;
  let ended = false;
  let drawn = false;
  const body = request();
  const state = words => put($('answer-state'), words);
  const drawText = () => {
    if (!drawn) {
      drawn = true;
      requestAnimationFrame(() => {
        drawn = false;
        long.draw(held);
        if (long.pre.parentNode === null && held.text !== '') {
          box.replaceChildren(long.before, long.pre);
        }
      });
    }
  };
  box.replaceChildren(h('p', {className: 'none'}, kinds.get(body.model) === 'image' ? 'The picture is on its way …' : 'The answer is on its way …'));
  box.setAttribute('aria-busy', 'true');
  state('sent');
  $('ask-send').setAttribute('aria-disabled', 'true');
  $('ask-stop').hidden = false;
  try {
    const answer = await call(PATHS.send, {
      method: 'POST', body: JSON.stringify(body), signal: asking.signal, headers: {'Content-Type': 'application/json', Accept: 'text/event-stream'}
    });
    if (!answer.ok) {
      throw new Error(await reason(answer));
    }
    for await (const event of eventsOf(answer)) {
      if (event.name === 'chunk') {
        held.text += JSON.parse(event.data).text;
        if (held.text.length > 2 * KEPT_TEXT) {
          held.from += held.text.length - KEPT_TEXT;
          held.text = held.text.slice(-KEPT_TEXT);
        }
        if (++chunks === 1) {
          state(`arriving, the first chunk after ${duration(performance.now() - begun)}`);
        }
        drawText();
      } else if (event.name === 'result' || event.name === 'error') {
        ended = true;
        drawOutcome(box, JSON.parse(event.data));
        break;
      }
    }
    if (!ended) {
      throw new Error('The connection broke before the end of the answer.');
    }
  } catch (failure) {
    const words = failure.name === 'AbortError' ? 'cancelled' : 'failed';
    state(`${words} after ${duration(performance.now() - begun)}`);
    if (words === 'failed') {
      box.append(h('div', {className: 'failure'}, foreign('strong', '', failure.message)));
    }
    box.querySelector('.none')?.remove();
  } finally {
    asking = null;
    box.removeAttribute('aria-busy');
    $('ask-send').removeAttribute('aria-disabled');
    if (document.activeElement === $('ask-stop')) {
      $('ask-send').focus();
    }
    $('ask-stop').hidden = true;
  }
}

/** Shows a result or error document. */
function drawOutcome(box, outcome) {
  const facts = [];
  if (outcome.error !== undefined) {
    put($('answer-state'), `failed after ${duration(outcome.durationMs)}`);
    box.replaceChildren(h('div', {className: 'failure'}, h('strong', {}, outcome.error.type), foreign('p', '', outcome.error.message ?? '')));
    if (outcome.partialText) {
      box.append(foreign('pre', 'text', outcome.partialText));
    }
    return;
  }
  if (outcome.images !== undefined) {
    box.replaceChildren(pictures({prompt: outcome.prompt}, outcome.images));
  } else {
    const text = new LongText();
    text.draw({from: 0, text: outcome.text ?? '', cut: false});
    box.replaceChildren(text.before, text.pre);
  }
  facts.push(duration(outcome.durationMs));
  if (outcome.usage) {
    facts.push(`${number.format(outcome.usage.prompt_tokens ?? 0)} + ${number.format(outcome.usage.completion_tokens ?? 0)} tokens`);
  }
  if (outcome.prediction?.predictMs !== undefined) {
    facts.push('ran ' + duration(outcome.prediction.predictMs));
  }
  if (outcome.cost) {
    facts.push(money(outcome.cost.amount, outcome.cost.currency));
  }
  put($('answer-state'), `complete: ${visible(outcome.model ?? '')}, ${facts.join(', ')}`);
}

/* ---- Health and figures ---- */

/** A small chart over the last hour. */
class Chart {

  constructor(title, series, words) {
    this.title = title;
    this.series = series;
    this.words = words;
    this.value = h('span', {className: 'value'});
    this.top = h('span', {className: 'top', 'aria-hidden': 'true'});
    this.svg = svg('svg', {viewBox: '0 0 600 100', preserveAspectRatio: 'none', role: 'img'});
    this.cursor = svg('line', {class: 'cursor', y1: 0, y2: 100, visibility: 'hidden'});
    const legend = h('span', {className: 'legend'}, ...series.filter(one => one.name).map(one => h('span', {className: one.className}, one.name)));
    this.figure = h('figure', {className: 'chart card'}, h('figcaption', {}, h('span', {className: 'title'}, title), this.value),
      h('div', {className: 'plot'}, this.top, this.svg), h('div', {className: 'axis', 'aria-hidden': 'true'}, h('span', {}, '60 minutes ago'), legend, h('span', {}, 'now')));
    this.svg.addEventListener('pointermove', event => {
      const box = this.svg.getBoundingClientRect();
      this.point(Math.min(MINUTES - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * MINUTES))));
    });
    this.svg.addEventListener('pointerleave', () => this.point(null));
    this.last = [];
  }

  point(index) {
    this.cursor.setAttribute('visibility', index === null ? 'hidden' : 'visible');
    if (index !== null) {
      const x = (index + 0.5) * 600 / MINUTES;
      this.cursor.setAttribute('x1', x);
      this.cursor.setAttribute('x2', x);
    }
    this.pointed = index;
    this.say();
  }

  say() {
    const at = this.pointed ?? MINUTES - 1;
    const minute = this.last[at];
    put(this.value, minute === undefined ? '' : `${this.pointed === undefined || this.pointed === null ? 'this minute' : minuteClock.format(minute.time)}: ${this.words(minute)}`);
  }

  draw(hour) {
    this.last = hour;
    const most = Math.max(0, ...hour.flatMap(minute => this.series.map(one => one.of(minute) ?? 0)));
    const top = nice(most);
    this.svg.replaceChildren(svg('line', {class: 'grid', x1: 0, x2: 600, y1: 50, y2: 50}), ...this.series.map(one => this.shape(one, hour, top)), this.cursor);
    put(this.top, most === 0 ? '' : this.series[0].unit(top));
    this.svg.setAttribute('aria-label', `${this.title} over the last hour. This minute: ${this.words(hour[MINUTES - 1])}. The most: ${this.series[0].unit(most)}.`);
    this.say();
  }

  shape(one, hour, top) {
    const width = 600 / MINUTES;
    const y = value => 100 - value / top * 96;
    if (one.bars) {
      return svg('path', {class: one.className, d: hour.map((minute, i) => one.of(minute) ? `M${i * width + 1} 100V${y(one.of(minute)).toFixed(1)}H${(i + 1) * width - 1}V100z` : '').join('')});
    }
    let path = '';
    let on = false;
    hour.forEach((minute, i) => {
      const value = one.of(minute);
      if (value === undefined) {
        on = false;
      } else {
        const height = y(value).toFixed(1);
        path += on ? `L${(i + 0.5) * width} ${height}` : `M${i * width} ${height}L${(i + 0.5) * width} ${height}`;
        on = true;
      }
    });
    return svg('path', {class: one.className + ' line', d: path, 'vector-effect': 'non-scaling-stroke'});
  }
}

/** The next round number. */
function nice(value) {
  if (value <= 0) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map(step => step * power).find(step => step >= value);
}

const charts = [
  new Chart('Requests and errors', [
    {name: 'requests', className: 'c-requests', bars: true, of: minute => minute.requests, unit: n => count(n, 'request') + ' a minute'},
    {name: 'errors', className: 'c-errors', bars: true, of: minute => minute.errors, unit: number.format}
  ], minute => `${count(minute.requests, 'request')}, ${count(minute.errors, 'error')}`),
  new Chart('Time to first chunk', [
    {name: 'half within', className: 'c-p50', of: minute => minute.firstChunk?.p50Ms, unit: duration},
    {name: '95 % within', className: 'c-p95', of: minute => minute.firstChunk?.p95Ms, unit: duration}
  ], minute => minute.firstChunk ? `${duration(minute.firstChunk.p50Ms)}, 95 % within ${duration(minute.firstChunk.p95Ms)}` : 'none'),
  new Chart('In flight', [
    {className: 'c-flight', bars: true, of: minute => minute.inFlight, unit: n => number.format(n) + ' at once'}
  ], minute => `at most ${number.format(minute.inFlight)} at once`)
];

function hour() {
  const last = Math.max(Math.floor(now() / 60000) * 60000, ...minutes.keys());
  return Array.from({length: MINUTES}, (none, i) => {
    const time = last - (MINUTES - 1 - i) * 60000;
    return {time, ...(minutes.get(time) ?? {requests: 0, errors: 0, inFlight: 0})};
  });
}

function drawFigures() {
  $('in-work').hidden = inWork === 0;
  put($('in-work'), number.format(inWork));
  if ($('health').hidden) {
    return;
  }
  const all = hour();
  charts.forEach(chart => chart.draw(all));
  if ($('minutes').open) {
    drawMinutes(all);
  }
}

function drawMinutes(all) {
  const rows = all.filter(minute => minute.requests > 0 || minute.inFlight > 0).reverse();
  redraw($('minutes').lastElementChild, rows, () => [tableOf('Figures by minute',
    ['Minute', 'Requests', 'Errors', 'In flight', 'First chunk: half within', '95 % within'], rows.map(minute => [minuteClock.format(minute.time),
      minute.requests, minute.errors, minute.inFlight, duration(minute.firstChunk?.p50Ms), duration(minute.firstChunk?.p95Ms)]), 1)]);
}

/** A plain table; the columns from `numbers` on are numbers. */
function tableOf(name, titles, rows, numbers) {
  const css = i => i >= numbers ? 'num' : '';
  return h('div', {className: 'scroll', tabIndex: 0, role: 'region', 'aria-label': name}, h('table', {className: 'plain', 'aria-label': name},
    h('thead', {}, h('tr', {}, ...titles.map((title, i) => h('th', {scope: 'col', className: css(i)}, title)))),
    h('tbody', {}, ...rows.map(row => h('tr', {}, ...row.map((value, i) => value instanceof Node ? h('td', {className: css(i)}, value)
      : h('td', {className: css(i) + ' foreign'}, visible(typeof value === 'number' ? number.format(value) : value ?? ''))))))));
}

function tag(className, words) {
  return h('span', {className: 'tag ' + className}, words);
}

function drawHealth() {
  drawTarget();
  const troubles = [];
  for (const provider of health.providers ?? []) {
    if (provider.up === false && provider.configured !== false) {
      troubles.push(`${provider.name} is down`);
    }
    for (const one of provider.keys ?? []) {
      if (one.up === false) {
        troubles.push(`the key ${one.shown} of ${provider.name} is set aside`);
      }
    }
    for (const breaker of provider.breakers ?? []) {
      if (breaker.state !== 'closed') {
        troubles.push(`the circuit breaker of ${breaker.model} is ${breaker.state}`);
      }
    }
  }
  for (const budget of health.spending?.budgets ?? []) {
    if (budget.percent >= 80) {
      troubles.push(`${budget.name} is ${Math.floor(budget.percent)} % spent`);
    }
  }
  const letters = health.queues?.deadLetters?.length ?? 0;
  if (letters > 0) {
    troubles.push(count(letters, 'dead letter'));
  }
  if (health.queues?.up === false) {
    troubles.push('the broker cannot be asked');
  }
  $('trouble').hidden = troubles.length === 0;
  put($('trouble'), String(troubles.length));
  $('trouble').title = troubles.join('; ');
  put($('health-words'), troubles.length === 0 ? 'Nothing is wrong.' : visible(troubles.join('; ') + '.'));
  if ($('health').hidden) {
    return;
  }
  redraw($('providers'), health.providers, () => (health.providers ?? []).map(drawProvider));
  redraw($('spent'), health.spending, () => drawSpent(health.spending ?? {}));
  drawQueues(health.queues);
}

/** Where the calls go: the one thing that is always in sight. */
function drawTarget() {
  const parts = [];
  const called = (health.providers ?? []).filter(provider => provider.configured !== false);
  const bySimulator = called.filter(provider => provider.simulator);
  if (bySimulator.length > 0) {
    const origins = [...new Set(bySimulator.map(provider => originOf(provider.endpoint)))];
    parts.push(h('span', {}, h('b', {}, 'Simulator'), ` ${origins.join(', ')} for ${bySimulator.map(provider => provider.name).join(' and ')}`,
      bySimulator.length === called.length ? h('span', {className: 'more-words'}, ': no provider is called') : null));
  }
  for (const provider of called) {
    if (!provider.simulator) {
      parts.push(h('span', {}, h('b', {}, visible(provider.name)), ` ${visible(originOf(provider.endpoint))}`));
    }
  }
  if (parts.length === 0) {
    parts.push(h('span', {className: 'muted'}, health.providers === undefined ? 'Calls go to …' : 'No provider has a key: no call is made.'));
  }
  $('target').replaceChildren(...parts.flatMap((part, i) => i === 0 ? [part] : [' ', part]));
}

function originOf(endpoint) {
  try {
    return new URL(endpoint).origin;
  } catch {
    return endpoint ?? '';
  }
}

function drawProvider(provider) {
  const state = provider.configured === false ? tag('', 'no key') : provider.up === false ? tag('bad', 'down') : provider.up === true ? tag('good', 'up') : tag('', 'not checked yet');
  const box = h('article', {className: 'provider'}, h('h4', {}, visible(provider.name), ' ', state, provider.simulator ? tag('sim', 'simulator') : null),
    foreign('p', 'endpoint', provider.endpoint ?? ''));
  if (provider.message) {
    box.append(foreign('p', 'muted', provider.message));
  }
  const lines = [
    ...(provider.keys ?? []).map(one => h('li', {}, 'key ', h('code', {}, visible(one.shown ?? '')), one.account ? foreign('span', '', ` of ${one.account}`) : null, ' ', one.up === false ? tag('bad', 'set aside') : tag('good', 'in use'),
      one.reason ? foreign('span', '', ' ' + one.reason) : null)),
    ...(provider.breakers ?? []).map(one => h('li', {}, 'circuit breaker ', foreign('code', '', one.model), one.key ? ` with ${visible(one.key)}` : null, ' ', tag(one.state === 'closed' ? 'good' : one.state === 'open' ? 'bad' : 'warn', one.state),
      one.reason ? foreign('span', '', ' ' + one.reason) : null))
  ];
  if (lines.length > 0) {
    box.append(h('ul', {}, ...lines));
  }
  return box;
}

function drawSpent(spending) {
  const parts = [];
  if (spending.error) {
    parts.push(foreign('p', 'failure', spending.error));
  }
  for (const budget of spending.budgets ?? []) {
    const part = Math.min(100, Math.max(0, budget.percent));
    parts.push(h('div', {className: 'budget'}, foreign('span', '', budget.name), svg('svg', {viewBox: '0 0 100 6', preserveAspectRatio: 'none', 'aria-hidden': 'true'},
      svg('rect', {class: 'whole', width: 100, height: 6}), svg('rect', {class: part >= 100 ? 'bad' : part >= 80 ? 'warn' : 'good', width: part, height: 6})),
    foreign('small', 'muted', budget.words ?? '')));
  }
  const sums = spending.sums ?? [];
  if (sums.length > 0) {
    const withAccount = sums.some(sum => sum.account);
    parts.push(tableOf('Spent by model and key', ['Model', 'Key', ...(withAccount ? ['Account'] : []), 'Requests', 'Cost'], sums.map(sum => [`${sum.model}`, sum.key ?? '',
      ...(withAccount ? [sum.account ?? ''] : []), sum.requests, money(sum.amount, sum.currency)]), withAccount ? 3 : 2));
    const totals = new Map();
    sums.forEach(sum => totals.set(sum.currency, (totals.get(sum.currency) ?? 0) + sum.amount));
    parts.push(h('p', {className: 'total'}, 'Together ', h('b', {}, [...totals].map(([currency, amount]) => money(amount, currency)).join(' and ')), `, ${spending.day} (UTC)`));
  } else if (!spending.error) {
    parts.push(h('p', {className: 'none'}, 'Nothing, as far as prices are known.'));
  }
  return parts;
}

function drawQueues(queues) {
  $('queues-card').hidden = queues === undefined;
  if (queues === undefined) {
    return;
  }
  const letters = queues.deadLetters ?? [];
  redraw($('depths'), [queues.up, queues.error, queues.depths], () => [queues.up === false ? foreign('p', 'failure', queues.error ?? 'The broker cannot be asked.')
    : tableOf('Queues', ['Queue', 'Holds', 'Messages'], (queues.depths ?? []).map(one => [one.name, one.use, one.depth]), 2)]);
  redraw($('letters'), [queues.up, letters], () => queues.up === false ? [] : [h('h4', {}, letters.length === 0 ? 'No dead letters' : count(letters.length, 'dead letter')),
    h('ul', {className: 'letters'}, ...letters.map(drawLetter))]);
}

function drawLetter(letter) {
  const open = openLetters.has(letter.message);
  const details = h('details', {open}, h('summary', {}, foreign('b', '', letter.id ?? letter.message), ' ', foreign('span', 'error', letter.reason ?? ''), ' ',
    h('small', {className: 'muted'}, `from ${visible(letter.from ?? '')}, ${letter.at ? timeOfDay(letter.at) : ''}`)),
  foreign('pre', 'text', (letter.body ?? '') + (letter.bodyCut ? ' …' : '')));
  details.addEventListener('toggle', () => details.open ? openLetters.add(letter.message) : openLetters.delete(letter.message));
  const item = h('li', {}, details);
  if (acts()) {
    const back = h('button', {type: 'button', 'aria-label': 'Send back ' + visible(letter.id ?? letter.message)}, 'Send back');
    back.addEventListener('click', () => act('POST', PATHS.sendBack(letter.message), `${visible(letter.id ?? letter.message)} is sent back.`));
    item.append(back);
  }
  return item;
}

const openLetters = new Set();

/* ---- Views ---- */

function showMode() {
  $('mode').hidden = acts();
  $('to-try').hidden = !acts();
  if (acts()) {
    loadModels();
  }
  showView();
}

let keyAsked = false;

function showView(moved) {
  let name = location.hash.slice(1);
  if (!['requests', 'try', 'health'].includes(name) || name === 'try' && !acts()) {
    name = 'requests';
  }
  const shown = keyAsked ? 'key' : name;
  document.querySelectorAll('.view').forEach(view => { view.hidden = view.id !== shown; });
  document.querySelectorAll('nav a').forEach(link => {
    if (link.id === 'to-' + shown) {
      link.setAttribute('aria-current', 'page');
    } else {
      link.removeAttribute('aria-current');
    }
  });
  document.title = {requests: 'Requests', try: 'Try it', health: 'Health', key: 'Key'}[shown] + ' · Bactrian';
  if (moved) {
    scrollTo(0, 0);
    $('main').focus({preventScroll: true});
  }
  if (shown === 'health' && health !== null) {
    drawFigures();
    drawHealth();
  }
  if (shown === 'try') {
    drawSame();
  }
}

/* ---- The connection ---- */

let attempt = 0;
let wake = () => {};
let current = null;

function connection(state, words) {
  $('connection').dataset.state = state;
  put($('connection'), words);
}

function lost(words) {
  $('lost').hidden = words === '';
  put($('lost'), words);
}

function askForKey(words) {
  keyAsked = true;
  sessionStorage.removeItem('bactrian-key');
  $('forget').hidden = true;
  put($('key-reason'), words);
  connection('closed', 'No key');
  lost('');
  showView();
  $('key-field').focus();
}

/** Reads the feed until it breaks. */
async function read() {
  current = new AbortController();
  let timer;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => current.abort(), SILENCE);
  };
  try {
    alive();
    const answer = await call(PATHS.events, {headers: {Accept: 'text/event-stream'}, signal: current.signal});
    if (answer.status === 401) {
      askForKey(key() ? 'The service does not know that key.' : 'This service is open to callers with a key only.');
      return;
    }
    if (answer.status === 403 && key()) {
      askForKey(`That key does not open the console: ${visible(await reason(answer)).slice(0, 300)}.`);
      return;
    }
    if (!answer.ok) {
      throw new Error(await reason(answer));
    }
    for await (const event of eventsOf(answer, alive)) {
      if (event.name === 'snapshot') {
        attempt = 0;
        connection('live', 'Live');
        lost('');
        $('forget').hidden = !key();
      }
      handlers[event.name]?.(JSON.parse(event.data));
    }
    throw new Error('');
  } catch (failure) {
    if (keyAsked) {
      return;
    }
    const known = failure instanceof Error && failure.message !== '' && failure.name === 'Error';
    const pause = Math.min(LONGEST_PAUSE, 500 * 2 ** attempt++);
    connection('lost', 'Connection lost');
    lost(`The connection to the service is lost${known ? ` (${visible(failure.message).slice(0, 200)})` : ''}. What you see may be out of date. The page tries again by itself.`);
    await Promise.race([new Promise(resolve => setTimeout(resolve, pause)), new Promise(resolve => { wake = resolve; })]);
  } finally {
    clearTimeout(timer);
  }
}

async function stayConnected() {
  for (;;) {
    await (keyAsked ? new Promise(resolve => { wake = resolve; }) : read());
  }
}

/* ---- What a person does ---- */

addEventListener('hashchange', () => showView(true));
addEventListener('online', () => wake());

$('find').addEventListener('submit', event => event.preventDefault());
for (const field of [$('find-text'), $('find-state')]) {
  field.addEventListener('input', () => {
    find.text = $('find-text').value.trim().toLowerCase();
    find.state = $('find-state').value;
    drawCounts();
  });
}
$('as-list').addEventListener('click', () => showAs('list'));
$('as-gallery').addEventListener('click', () => showAs('gallery'));
$('now-more').addEventListener('click', () => {
  showAllNow = !showAllNow;
  drawCounts();
});

$('ask').addEventListener('submit', event => {
  event.preventDefault();
  ask();
});
$('ask').addEventListener('input', drawSame);
$('ask-prompt').addEventListener('keydown', event => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    $('ask').requestSubmit();
  }
});
$('ask-stop').addEventListener('click', () => asking?.abort());
document.querySelectorAll('[data-copy]').forEach(button => button.addEventListener('click', () => copyText($(button.dataset.copy).textContent)));

$('key-form').addEventListener('submit', event => {
  event.preventDefault();
  const given = $('key-field').value.trim();
  $('key-field').value = '';
  if (!/^[\x21-\x7e]+$/.test(given)) {
    put($('key-reason'), 'A key is made of visible ASCII characters.');
    return;
  }
  sessionStorage.setItem('bactrian-key', given);
  keyAsked = false;
  attempt = 0;
  connection('connecting', 'Connecting…');
  showView();
  wake();
});
$('forget').addEventListener('click', () => {
  askForKey('The key is forgotten.');
  current?.abort();
  [...requests.keys()].forEach(drop);
  health = null;
  startedAt = '';
});

$('minutes').addEventListener('toggle', () => drawFigures());
$('charts').append(...charts.map(chart => chart.figure));

setInterval(() => {
  if (document.hidden) {
    return;
  }
  if (!$('requests').hidden) {
    for (const row of nowList.rows.values()) {
      if (!row.tr.hidden && row.request !== undefined) {
        row.tick();
      }
    }
  }
}, 500);
setInterval(() => drawFigures(), 15000);

showView();
stayConnected();
