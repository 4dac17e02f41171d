/**
 * The page in a real browser, against the real API with a fake source.
 * Pure parts of the page have their tests beside them.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { FakeSource } from '../../agent/api/testing/fake-source.js';
import { startApi } from '../../agent/api/index.js';
import type { ApiServer } from '../../agent/api/index.js';
import type { LinkState, Topology } from '../../common/api.js';
import { assert } from '../../common/errors.js';
import { silentLogger } from '../../common/log.js';

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const BROWSER_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const ID = { a: 'a'.repeat(32), b: 'b'.repeat(32), c: 'c'.repeat(32) };

const executablePath = BROWSERS.find((path) => existsSync(path));
if (executablePath === undefined) {
  process.stderr.write(`  no browser at ${BROWSERS.join(', ')}: install chromium to run web-ui.test.ts\n`);
}

/** Three nodes in a triangle; the link between the two others is in the given state. */
function triangle(state: LinkState = 'up'): Topology {
  const link = (a: string, b: string, of: LinkState): Topology['links'][number] => ({
    a,
    b,
    state: of,
    path: of === 'up' ? 'direct' : 'none',
    cipher: 'aes-256-gcm',
    rttMs: of === 'up' ? 0.42 : null,
    mtuBytes: 1500,
    lossRatio: 0,
    abBitsPerSecond: of === 'up' ? 1_240_000_000 : 0,
    baBitsPerSecond: of === 'up' ? 35_000_000 : 0,
  });
  const node = (id: string, name: string, pods: number): Topology['nodes'][number] => ({
    id,
    name,
    self: id === ID.a,
    state: id === ID.a ? 'self' : 'up',
    endpoint: id === ID.a ? null : '192.0.2.2:6785',
    podCidrs: [`10.42.${pods}.0/24`],
    podCount: pods,
    pods: Array.from({ length: pods }, (_, index) => ({
      name: `default/web-${index}`,
      ips: [`10.42.${pods}.${index + 2}`],
    })),
    version: '0.1.0',
  });
  return {
    at: new Date().toISOString(),
    nodes: [node(ID.a, 'node-a', 2), node(ID.b, 'node-b', 5), node(ID.c, 'node-c', 1)],
    links: [link(ID.a, ID.b, 'up'), link(ID.a, ID.c, 'up'), link(ID.b, ID.c, state)],
  };
}

const cloudName = (index: number): string => `ip-10-0-${index >> 8}-${index & 255}.eu-central-1.compute.internal`;

/** Nodes with the names that EC2 gives, each linked to the first. */
function cloud(count: number): Topology {
  const { nodes, links, at } = triangle();
  const id = (index: number): string => index.toString(16).padStart(32, '0');
  return {
    at,
    nodes: Array.from({ length: count }, (_, index) => ({
      ...nodes[index === 0 ? 0 : 1]!,
      id: id(index),
      name: cloudName(index),
    })),
    links: Array.from({ length: count - 1 }, (_, index) => ({ ...links[0]!, a: id(0), b: id(index + 1) })),
  };
}

/** Built in a child process by the build's command. */
async function buildPage(outDir: string): Promise<void> {
  const root = new URL('../../', import.meta.url).pathname;
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  const args = [
    vite,
    'build',
    '--config',
    join(root, 'web-ui/vite.config.ts'),
    '--outDir',
    outDir,
    '--logLevel',
    'error',
  ];
  await promisify(execFile)(process.execPath, args);
}

const inBrowser = executablePath === undefined && process.env['CI'] === undefined ? describe.skip : describe;

inBrowser('web page', () => {
  let directory: string;
  let browser: Browser;
  let source: FakeSource;
  let api: ApiServer;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];
  let requested: string[];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'heddle-web-'));
    assert(executablePath !== undefined, 'CI has a browser: npm test installs chromium');
    await buildPage(join(directory, 'web'));
    browser = await chromium.launch({ executablePath, headless: true, args: BROWSER_ARGS });
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    await rm(directory, { recursive: true });
  });

  beforeEach(async () => {
    source = new FakeSource();
    source.currentTopology = triangle();
    await serve();
    context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' });
    page = await context.newPage();
    complaints = [];
    requested = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requested.push(request.url()));
  });

  afterEach(async () => {
    await context.close();
    await api.close();
  });

  /** @param port port of an earlier server, as an agent that restarts uses it */
  async function serve(port = 0): Promise<void> {
    api = await startApi({
      source,
      socketPath: join(directory, 'api.sock'),
      address: '127.0.0.1',
      port,
      metrics: { address: '', port: 0 },
      webRoot: join(directory, 'web'),
      logger: silentLogger(),
      eventTiming: { minIntervalMs: 20, maxIntervalMs: 200, heartbeatMs: 1_000 },
    });
  }

  async function openPage(hash = ''): Promise<void> {
    await page.goto(`${api.url ?? ''}/${hash}`);
    await page.locator('.node').first().waitFor();
  }

  function change(topology: Topology): void {
    source.currentTopology = topology;
    source.announce();
  }

  /** A pod that two policies isolate for ingress, and one that the API server has not told of. */
  function keepPolicies(): void {
    const open = { isolated: false, policies: [], rules: [] };
    const rule = { policy: 'red/web', index: 0, ports: 'TCP 5432', peers: 'pods with app=web of namespace red' };
    const ends = { source: { pod: 'blue/web-0', ip: '10.42.1.7' }, destination: { pod: 'red/db-0', ip: '10.42.2.2' } };
    const reason = 'default deny: isolated by red/deny, red/web, and no rule allows this';
    const last = new Date().toISOString();
    source.currentStatus = { ...source.currentStatus, networkPolicies: 'kept' };
    source.currentPolicies = {
      ...{ isKnown: true, elements: 0 },
      drops: () => ({ logged: true, totals: [], traffic: [] }),
      ofLocalPods: () => [
        {
          ...{ pod: 'red/db-0', ips: ['10.42.2.2'], known: true, problems: [], egress: open },
          ingress: { isolated: true, policies: ['red/deny', 'red/web'], rules: [rule] },
          denied: [
            {
              last,
              seen: 3,
              direction: 'ingress',
              protocol: 'TCP',
              port: 80,
              policies: [],
              rule: null,
              reason,
              ...ends,
            },
          ],
        },
        {
          ...{ pod: 'red/late', ips: ['10.42.2.3'], known: false, problems: [], denied: [] },
          ...{ ingress: { ...open, isolated: true }, egress: { ...open, isolated: true } },
        },
      ],
      ofPod: () => ({ pod: '', ips: [], known: true, problems: [], denied: [], ingress: open, egress: open }),
      decide: () => ({ allowed: true, protocol: 'TCP', port: null, flows: [] }),
    };
  }

  it('shows which network policies select the pods of the node, and what they denied', async () => {
    keepPolicies();
    await openPage();
    await page.getByRole('tab', { name: 'Policies' }).click();
    await page.locator('tbody tr').nth(1).waitFor();
    const cells = async (row: number): Promise<string[]> =>
      page.locator(`tbody tr:nth-child(${row}) td`).allInnerTexts();
    expect(await cells(1)).toEqual([
      'red/db-0',
      'red/web: TCP 5432, pods with app=web of namespace red\nred/deny: nobody',
      'everyone: no policy isolates it',
      expect.stringMatching(/^from blue\/web-0, TCP 80 /),
    ]);
    expect((await cells(2)).slice(1, 3)).toEqual(Array(2).fill('nobody, until the API server tells of the pod'));
    await page.keyboard.press('Escape');
    await page.getByRole('tab', { name: 'Policies' }).focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.getByRole('tab', { name: 'Nodes' }).getAttribute('aria-selected')).toBe('true');
    source.currentStatus = { ...source.currentStatus, networkPolicies: 'off' };
    source.announce();
    await page.getByRole('tab', { name: 'Policies' }).waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  const names = (): Promise<string[]> => page.locator('tbody tr td:first-child').allTextContents();

  it('draws every node and link, logs no error and sends requests only to its own agent', async () => {
    await openPage();
    expect(await page.locator('.map .node').count()).toBe(3);
    expect(await page.locator('.map-canvas .link').count()).toBe(3);
    expect(await page.locator(`[data-node="${ID.b}"]`).textContent()).toContain('10.42.5.0/24');
    expect(await page.locator(`[data-node="${ID.b}"] .pod-dots circle`).count()).toBe(5);
    expect(await page.locator('.link-label').first().textContent()).toContain('0.42 ms');
    expect(await page.locator('.link-labels').textContent()).toContain('1.24 Gbit/s');
    expect(await page.locator('.live').textContent()).toBe('Live');
    expect(await page.title()).toBe('node-a · Heddle');
    expect(complaints).toEqual([]);
    expect(requested.length).toBeGreaterThan(3);
    expect(requested.filter((url) => !url.startsWith(`${api.url ?? ''}/`))).toEqual([]);
  });

  it('shows changes as they come: a link that fails, a node that joins', async () => {
    await openPage();
    change(triangle('down'));
    await page.locator('.map-canvas .link.is-down .link-cross').waitFor();
    expect(await page.locator('.tally').textContent()).toContain('1 down');
    const joined = triangle('up');
    const newcomer = { ...joined.nodes[2]!, id: 'd'.repeat(32), name: 'node-d' };
    change({ ...joined, nodes: [...joined.nodes, newcomer] });
    await page.locator(`[data-node="${newcomer.id}"]`).waitFor();
    expect(await page.locator('.link.is-down .link-cross').count()).toBe(0);
  });

  it('opens the drawer of a node, keeps it in the address, and closes it with Escape', async () => {
    await openPage();
    await page.locator(`[data-node="${ID.b}"]`).click();
    const drawer = page.locator('.drawer');
    await drawer.getByText('the peer answers').waitFor();
    const text = (await drawer.textContent()) ?? '';
    for (const expected of [
      'node-b',
      'aes-256-gcm',
      '1,500 bytes',
      'default/web-4',
      '10.42.5.6',
      'meshctl peers node-b -o wide',
    ]) {
      expect(text).toContain(expected);
    }
    expect(await drawer.locator('.sparkline').count()).toBe(2);
    expect(new URL(page.url()).hash).toBe(`#node=${ID.b}`);
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'detached' });
    expect(new URL(page.url()).hash).toBe('');
  });

  it('opens what the address names, and links by keyboard', async () => {
    await openPage(`#node=${ID.a}`);
    await page.locator('.drawer').getByText('Readiness').waitFor();
    await page.locator(`[data-link="${ID.b}~${ID.c}"]`).focus();
    await page.keyboard.press('Enter');
    await page.locator('.drawer').getByText('Between two other nodes').waitFor();
    expect(new URL(page.url()).hash).toBe(`#link=${ID.b}~${ID.c}`);
  });

  it('sorts the tables by any column', async () => {
    await openPage();
    expect(await names()).toEqual(['node-a', 'node-b', 'node-c']);
    const head = page.locator('th').filter({ hasText: 'Pods' });
    await head.locator('button').click();
    expect(await names()).toEqual(['node-c', 'node-a', 'node-b']);
    await head.locator('button').click();
    expect(await names()).toEqual(['node-b', 'node-a', 'node-c']);
    expect(await head.getAttribute('aria-sort')).toBe('descending');
    await page.getByRole('tab', { name: /Pods/ }).click();
    expect(await names()).toHaveLength(8);
  });

  it('finds a node by the address of its pod, from the keyboard alone', async () => {
    await openPage();
    await page.keyboard.press('/');
    await page.keyboard.type('10.42.5.6');
    await page.locator('.search-results').getByText('node-b').waitFor();
    expect(await page.locator('.node.is-aside').count()).toBe(2);
    expect(await names()).toEqual(['node-b']);
    await page.keyboard.press('Enter');
    await page.locator('.drawer').getByText('default/web-4').waitFor();
  });

  it('keeps a dragged node where it was put, also after a reload', async () => {
    await openPage();
    const node = page.locator(`[data-node="${ID.c}"]`);
    const before = (await node.boundingBox())!;
    await page.mouse.move(before.x + 60, before.y + 30);
    await page.mouse.down();
    await page.mouse.move(before.x + 160, before.y - 40, { steps: 4 });
    await page.mouse.up();
    const after = (await node.boundingBox())!;
    expect(after.x - before.x).toBeGreaterThan(50);
    expect(await page.locator('.drawer').count()).toBe(0);
    await page.reload();
    await page.locator('.node.is-pinned').waitFor();
    await page.getByRole('button', { name: 'Put all nodes back' }).click();
    expect(await page.locator('.node.is-pinned').count()).toBe(0);
  });

  it('shows since when its data is old while the agent is stopped, and recovers', async () => {
    await openPage();
    const port = Number(new URL(api.url ?? '').port);
    await api.close();
    await page.getByText(/Stale since \d\d:\d\d:\d\d/).waitFor();
    expect(await page.locator('.live').textContent()).toBe('Stale');
    await serve(port);
    await page.getByRole('button', { name: 'Try now' }).click();
    await page.locator('.live.is-live').waitFor();
    expect(await page.locator('.stale-banner').count()).toBe(0);
  });

  it('explains what is missing when the node is not ready, and what to do without peers', async () => {
    const conditions = [{ name: 'router', ok: false, message: 'the router is not connected' }];
    source.currentStatus = { ...source.currentStatus, ready: false, conditions };
    const alone = triangle();
    source.currentTopology = { ...alone, nodes: alone.nodes.slice(0, 1), links: [] };
    await openPage();
    await page.getByText('No peers yet').waitFor();
    expect(await page.locator('.map-notice').textContent()).toContain('HEDDLE_SEEDS=192.0.2.1:6785');
    await page.getByRole('button', { name: /Not ready · 1 missing/ }).click();
    await page.getByText('the router is not connected').waitFor();
  });

  it('has its header in one line, results inside the window, distinct labels and how many reported, at the names of cloud hosts', async () => {
    await page.setViewportSize({ width: 1440, height: 900 });
    source.currentTopology = cloud(3);
    source.currentStatus = { ...source.currentStatus, name: cloudName(0) };
    await openPage();
    const middles = (await boxesOf('.header > *')).map(({ y, height }) => y + height / 2);
    expect(Math.max(...middles) - Math.min(...middles)).toBeLessThan(8);
    await page.locator('input[type=search]').fill('ip-10');
    await page.locator('.search-results button').first().waitFor();
    expect(await outsideWindow('.search-results *')).toBe(0);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await outsideWindow('.search-results *, .header *')).toBe(0);
    change({ ...cloud(300), reports: { received: 64, expected: 299 } });
    await page.locator('.node.dot').first().waitFor();
    await page.getByText('64 of 299 peers reported').waitFor({ state: 'attached' });
    const labels = await page.locator('.dot-name').allTextContents();
    expect([labels.length, new Set(labels).size]).toEqual([300, 300]);
  });

  it('is used by keyboard: a skip link, and tabs by arrow keys', async () => {
    await openPage();
    await page.keyboard.press('Tab');
    expect(await page.locator('.skip-link:focus').count()).toBe(1);
    await page.keyboard.press('Enter');
    expect(await page.locator('#tables:focus').count()).toBe(1);
    await page.locator('#tab-nodes').focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#tab-pods[aria-selected=true]:focus').count()).toBe(1);
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#tab-nodes[aria-selected=true]:focus').count()).toBe(1);
    await page.locator('tbody tr').first().focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('tbody [role=row][aria-selected=true]').count()).toBe(1);
  });

  /** Boxes of the visible elements. */
  async function boxesOf(selector: string) {
    const all = await page.locator(selector).all();
    const boxes = await Promise.all(all.map((one) => one.boundingBox()));
    return boxes.filter((box) => box !== null && box.width > 1 && box.height > 0 && box.y >= 0).map((box) => box!);
  }

  /** Number of visible elements that reach beyond the left or right edge of the window. */
  async function outsideWindow(selector: string): Promise<number> {
    const edge = page.viewportSize()!.width;
    return (await boxesOf(selector)).filter(({ x, width }) => x < -1 || x + width > edge + 1).length;
  }

  it('turns dark on request and stays so', async () => {
    await openPage();
    await page.getByRole('button', { name: 'Switch to dark theme' }).click();
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
    await page.reload();
    await page.locator('.node').first().waitFor();
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
  });
});
