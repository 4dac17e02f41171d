/**
 * Image archive in the OCI layout (image-spec 1.0: index, manifest, configuration, one layer) from a root file system.
 * `ctr images import`, `podman load` and `skopeo` read it. The same files give the same archive: owners, times and order are
 * fixed.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' };
const MEDIA = 'application/vnd.oci.image';
const TAR = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];

/**
 * @param {{ root: string, scratch: string, output: string, name: string, config: object, compress: boolean }} image
 *   name: reference such as `localhost/heddle:0.1.0`; config: `Entrypoint`, `Env`, `Labels` and so on
 * @returns {{ layerBytes: number, rootBytes: number }}
 */
export function writeArchive({ root, scratch, output, name, config, compress }) {
  const layout = join(scratch, 'layout');
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const layer = join(scratch, 'layer.tar');
  execFileSync('tar', [...TAR, '--directory', root, '--create', '--file', layer, '.']);
  const rootBytes = statSync(layer).size;
  const plainDigest = digestOf(layer);
  if (compress) execFileSync('gzip', ['--no-name', layer]);
  const packed = put(compress ? `${layer}.gz` : layer, layout);
  const architecture = ARCHITECTURES[process.arch];
  const configuration = putJson(layout, {
    architecture,
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: [plainDigest] },
    history: [{ created_by: 'npm run image' }],
  });
  const manifest = putJson(layout, {
    schemaVersion: 2,
    mediaType: `${MEDIA}.manifest.v1+json`,
    config: { mediaType: `${MEDIA}.config.v1+json`, ...configuration },
    layers: [{ mediaType: `${MEDIA}.layer.v1.tar${compress ? '+gzip' : ''}`, ...packed }],
  });
  const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name.split(':').at(-1) };
  const platform = { architecture, os: 'linux' };
  const entry = { mediaType: `${MEDIA}.manifest.v1+json`, ...manifest, annotations, platform };
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  execFileSync('tar', [...TAR, '--directory', layout, '--create', '--file', output, '.']);
  return { layerBytes: packed.size, rootBytes };
}

/** Moves a file to where its digest says, and describes it. */
function put(file, layout) {
  const digest = digestOf(file);
  const size = statSync(file).size;
  renameSync(file, join(layout, 'blobs', digest.replace(':', '/')));
  return { digest, size };
}

function putJson(layout, value) {
  const file = join(layout, 'blob.json');
  writeFileSync(file, JSON.stringify(value));
  return put(file, layout);
}

function digestOf(file) {
  return `sha256:${createHash('sha256').update(readFileSync(file)).digest('hex')}`;
}
