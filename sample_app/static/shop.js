// The shop in the browser. Views are chosen by the address after '#'; everything they show comes from the storefront.
'use strict';

// Categories and their drawings, as paths of an SVG of 24 by 24.
const CATEGORIES = {
  lamps: 'M8 3h8l3 8H5zM12 11v9M8 20.5h8',
  chairs: 'M7 3v18M10 3v9M7 3h3M7 12h10v9',
  tables: 'M3 8h18v2.5H3zM5 10.5V20M19 10.5V20',
  rugs: 'M4 6h16v12H4zM8 9.5h8v5H8zM2 7v2M2 11v2M2 15v2M22 7v2M22 11v2M22 15v2',
  mugs: 'M5 7h11v10a3 3 0 0 1-3 3H8a3 3 0 0 1-3-3zM16 9h2a2.5 2.5 0 0 1 0 6h-2',
  plants: 'M8 15h8l-1 6H9zM12 15V8M12 11C8 11 6 8 6 5c4 0 6 2 6 6zM12 9c0-4 2-6 6-6 0 4-2 6-6 6z',
};
const COUNTRIES = { DE: 'Germany', FR: 'France', GB: 'United Kingdom', US: 'United States', BR: 'Brazil', JP: 'Japan', KR: 'Korea', IN: 'India' };
// Test cards, as card companies publish them: what the bank will say to each is in its last digits.
const TEST_CARDS = { '0002': 'tok_stolen', '9995': 'tok_insufficient_funds', '0069': 'tok_expired', '0119': 'tok_gateway_error' };

const view = document.getElementById('view');
const notice = document.getElementById('notice');
const sessionId = HyperDX.getSessionId() || crypto.randomUUID();
const userId = remembered('user', () => `u-web-${Math.random().toString(16).slice(2, 10)}`);
let country = 'DE';

HyperDX.setGlobalAttributes({ userId });

function remembered(key, make) {
  const known = localStorage.getItem(key);
  if (known) return known;
  const made = make();
  localStorage.setItem(key, made);
  return made;
}

const cart = {
  lines: JSON.parse(sessionStorage.getItem('cart') || '{}'),
  keep(lines) {
    this.lines = lines;
    sessionStorage.setItem('cart', JSON.stringify(lines));
    document.getElementById('cart-count').textContent = Object.values(lines).reduce((sum, line) => sum + line.quantity, 0);
  },
};

class ShopError extends Error {
  constructor(status, message) {
    super(message);
    this.name = 'ShopError';
    this.status = status;
  }
}

async function ask(path, body, headers = {}) {
  const answer = await fetch(path, {
    method: body ? 'POST' : 'GET',
    body: body && JSON.stringify(body),
    headers: {
      accept: 'application/json',
      ...(body && { 'content-type': 'application/json' }),
      'x-session-id': sessionId,
      'x-user-id': userId,
      'x-customer-country': country,
      'x-app-version': shop.version,
      ...headers,
    },
  });
  const content = await answer.json();
  if (!answer.ok) throw new ShopError(answer.status, content.message || `the shop answered ${answer.status}`);
  return content;
}

// An element: el('a', { href: '#/' }, 'text', otherElement). Text is always text, never markup.
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value !== false) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children);
  return made;
}

function money(cents) {
  return new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' }).format(cents / 100);
}

function picture(category) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS(svg.namespaceURI, 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  path.setAttribute('d', CATEGORIES[category] || CATEGORIES.lamps);
  svg.append(path);
  return el('div', { class: `picture ${category}`, 'aria-hidden': 'true' }, svg);
}

function card(product) {
  return el('a', { class: 'card', href: `#/product/${product.id}` },
    picture(product.category), el('h3', {}, product.name), el('p', { class: 'price' }, money(product.price_cents)));
}

// Runs what a customer asked for. What goes wrong is shown, and reported with its trace.
async function attempt(work) {
  notice.hidden = true;
  try {
    await work();
  } catch (error) {
    notice.textContent = error instanceof ShopError ? error.message : 'The shop cannot be reached. Please try again.';
    notice.hidden = false;
    HyperDX.recordException(error);
  }
}

async function home() {
  const { picks } = await ask('/');
  view.replaceChildren(
    el('section', { class: 'hero' }, el('h1', {}, 'Light, warmth and things to sit on'), el('p', {}, 'Made slowly, sent quickly.')),
    el('h2', {}, 'Our picks'), el('div', { class: 'grid' }, ...picks.map(card)));
}

async function list(query) {
  const { products } = await ask(`/products?${query}`);
  const title = query.get('category') || 'Search';
  view.replaceChildren(
    el('h2', { class: 'title' }, title),
    products.length ? el('div', { class: 'grid' }, ...products.map(card)) : el('p', {}, 'Nothing like that here.'));
}

async function detail(number) {
  const product = await ask(`/products/${number}`);
  const amount = el('input', { type: 'number', min: 1, max: 20, value: 1, 'aria-label': 'Quantity' });
  const add = () => attempt(async () => {
    const quantity = Number(amount.value);
    const { items } = await ask('/cart/add', { session_id: sessionId, sku: product.sku, quantity });
    cart.keep({ ...cart.lines, [product.sku]: { name: product.name, price: product.price_cents, quantity: items[product.sku] } });
    HyperDX.addAction('cart.add', { sku: product.sku, quantity: String(quantity) });
    location.hash = '#/cart';
  });
  view.replaceChildren(el('article', { class: 'detail' }, picture(product.category), el('div', {},
    el('h1', {}, product.name),
    el('p', {}, `${'★'.repeat(Math.round(product.stars || 0))} ${(product.stars || 0).toFixed(1)} · ${product.sku}`),
    el('p', { class: 'price' }, money(product.price_cents)),
    el('div', { class: 'buy' }, amount, el('button', { onclick: add }, 'Add to cart')))));
}

function total() {
  return Object.values(cart.lines).reduce((sum, line) => sum + line.price * line.quantity, 0);
}

async function showCart() {
  const lines = Object.values(cart.lines);
  const rows = lines.map((line) => el('tr', {}, el('td', {}, line.name), el('td', {}, `${line.quantity} ×`), el('td', {}, money(line.price * line.quantity))));
  view.replaceChildren(el('h2', {}, 'Your cart'), lines.length
    ? el('div', {}, el('table', {}, ...rows), el('p', { class: 'price' }, `${money(total())} plus tax`), el('a', { class: 'button', href: '#/checkout' }, 'Check out'))
    : el('p', {}, 'Still empty.'));
}

function field(label, name, attributes = {}) {
  return el('label', {}, label, el('input', { name, required: true, ...attributes }));
}

// Stands for a card company's script: the number is exchanged for a token here, and no further than here.
function tokenOf(number) {
  return TEST_CARDS[number.replace(/\D/g, '').slice(-4)] || 'tok_visa';
}

function newKey() {
  return `web-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`;
}

async function checkout() {
  let key = newKey();
  const form = el('form', { class: 'checkout', novalidate: true, autocomplete: 'off', onsubmit: (event) => {
    event.preventDefault();
    const typed = Object.fromEntries(new FormData(form));
    attempt(async () => {
      country = typed.country;
      const wanted = { session_id: sessionId, user_id: userId, country, method: 'card', card_token: tokenOf(typed.card) };
      const order = await ask('/checkout', wanted, { 'idempotency-key': key }).catch((error) => {
        if (error.status < 500) key = newKey(); // a clear no: what comes next is another order
        throw error;
      });
      cart.keep({});
      HyperDX.addAction('order.placed', { country });
      thanks(order, typed);
    });
  } },
    field('Name', 'name', { autocomplete: 'name' }), field('E-mail', 'email', { type: 'email' }),
    field('Street and town', 'address'),
    el('label', {}, 'Country', el('select', { name: 'country' }, ...Object.entries(COUNTRIES).map(([code, name]) => el('option', { value: code }, name)))),
    field('Card number', 'card', { inputmode: 'numeric' }), field('Expires', 'expires', { placeholder: 'MM/YY' }),
    field('Security code', 'cvc', { type: 'password', inputmode: 'numeric' }), field('Password of your bank', 'password', { type: 'password' }),
    el('button', {}, `Pay ${money(total())} plus tax`));
  view.replaceChildren(el('h2', {}, 'Checkout'), form);
}

function thanks(order, typed) {
  view.replaceChildren(el('section', { class: 'thanks' }, el('h1', {}, 'Thank you'),
    el('p', {}, `Order ${order.order_id}, ${money(order.total_cents)}, is ${order.status}.`),
    el('p', {}, 'The receipt is for ', el('b', { class: 'private' }, typed.name), ', ', el('b', { class: 'private' }, typed.email),
      ', card ending in ', el('b', { class: 'private' }, typed.card.slice(-4)), '.'),
    el('a', { class: 'button', href: '#/' }, 'Back to the shop')));
}

function route() {
  const [, name = '', argument = ''] = location.hash.split(/[/?]/);
  const views = {
    '': home,
    products: () => list(new URLSearchParams(location.hash.split('?')[1])),
    product: () => detail(Number(argument)),
    cart: showCart,
    checkout,
  };
  return attempt(views[name] || home);
}

document.getElementById('categories').append(
  ...Object.keys(CATEGORIES).map((name) => el('a', { href: `#/products?category=${name}` }, name)));
document.getElementById('search').addEventListener('submit', (event) => {
  event.preventDefault();
  location.hash = `#/products?${new URLSearchParams(new FormData(event.target))}`;
});
window.addEventListener('hashchange', route);
cart.keep(cart.lines);
route();
