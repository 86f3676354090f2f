// What a page of lode serve does by itself: it looks whether what it shows has
// changed, and takes keys. Each page can be read, and decided on, without this.
'use strict';

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const main = () => document.querySelector('main');
const typing = e => !!e && e.matches('input, textarea, select');

// A page in which somebody has typed is not taken from under their hands.
const inUse = () => main().contains(document.activeElement) && typing(document.activeElement)
	|| all('input:not([type=hidden]), textarea', main()).some(e => e.value !== e.defaultValue);

async function refresh() {
	if (document.hidden) return;
	const version = await (await fetch('version')).text();
	if (version === main().dataset.version) return;
	if (inUse()) {
		if (!document.querySelector('.changed')) {
			const note = document.createElement('p');
			note.className = 'notice bad changed';
			note.textContent = 'What this page shows has changed since it was opened: load it again before you decide.';
			main().prepend(note);
		}
		return;
	}
	const answer = await fetch(location.pathname + location.search);
	if (!answer.ok) return;
	const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
	const open = all('details', main()).map(d => d.open);
	const at = main().contains(document.activeElement) && document.activeElement.getAttribute('href');
	main().replaceWith(next.querySelector('main'));
	document.title = next.title;
	document.querySelector('header.top span').replaceWith(next.querySelector('header.top span'));
	all('details', main()).forEach((d, i) => { if (open[i]) d.open = true });
	if (at) all('a', main()).find(a => a.getAttribute('href') === at)?.focus({ preventScroll: true });
}

// What came of a form is told once.
if (new URLSearchParams(location.search).has('did')) history.replaceState(null, '', location.pathname);

setInterval(() => refresh().catch(() => { }), 2000); // lode serve may have ended

// step moves among what a page lists; a page of one thing goes to the next.
function step(by) {
	const links = all('.card h3 a');
	if (!links.length) {
		document.querySelector(by > 0 ? 'a[rel=next]' : 'a[rel=prev]')?.click();
		return;
	}
	const at = links.indexOf(document.activeElement);
	const to = links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + by))];
	to.focus({ preventScroll: true });
	to.closest('.card').scrollIntoView({ block: 'center' });
}

const into = field => { field.focus(); field.select() };

const keys = {
	j: () => step(1),
	k: () => step(-1),
	h: () => { location.href = 'index.html' },
	'/': () => into(document.querySelector('input[type=search]')),
	'?': () => {
		const d = document.getElementById('keys');
		d.open = !d.open;
		d.scrollIntoView();
	},
};

document.addEventListener('keydown', e => {
	if (e.key === 'Escape') document.activeElement.blur();
	if (e.ctrlKey || e.metaKey || e.altKey || typing(document.activeElement)) return;
	const target = document.querySelector(`[data-key="${CSS.escape(e.key)}"]`);
	if (!target && !keys[e.key]) return;
	e.preventDefault();
	if (keys[e.key]) return keys[e.key]();
	if (target.matches('input')) return into(target);
	target.click();
	target.closest('details')?.querySelector('textarea')?.focus();
});
