/**
 * Contents of the image's root file system: the Debian packages it is made of, and which of their files it has. Everything
 * else of a package (documentation, locales, the other programs) is left out. Shared libraries are not listed: the image
 * gets those that its programs need.
 */
import { NODE_PROGRAMS } from '../prerequisites.mjs';

/** Release line of Node in the image; the Dockerfile's base image has the same. */
export const NODE_MAJOR = 24;

/** @returns {string[]} for Debian bookworm. @param {string} arch as Node calls it: x64 or arm64 */
export function debianPackages(arch) {
  return [
    ...['libc6', 'libgcc-s1', 'libstdc++6', 'base-files', 'netbase', 'coreutils', 'dash', 'mount', 'util-linux'],
    ...['iproute2', 'nftables', 'iptables'],
    ...['libacl1', 'libattr1', 'libgmp10', 'libselinux1', 'libpcre2-8-0', 'libblkid1', 'libmount1', 'libsmartcols1'],
    ...[
      'libbpf1',
      'libelf1',
      'zlib1g',
      'libbsd0',
      'libmd0',
      'libcap2',
      'libcap-ng0',
      'libmnl0',
      'libdb5.3',
      'libtirpc3',
    ],
    ...['libgssapi-krb5-2', 'libkrb5-3', 'libk5crypto3', 'libkrb5support0', 'libcom-err2', 'libkeyutils1', 'libssl3'],
    ...['libnftables1', 'libnftnl11', 'libjansson4', 'libedit2', 'libtinfo6', 'libxtables12', 'libip4tc2', 'libip6tc2'],
    ...['libnetfilter-conntrack3', 'libnfnetlink0'],
    ...(arch === 'x64' ? ['libipsec-mb1'] : []),
  ];
}

/** Programs that agent, router, `meshctl` and the container's start run, and a shell for people. */
export const PROGRAMS = [
  ...['ip', 'bridge', 'nft', 'iptables-legacy', 'ip6tables-legacy', 'xtables-legacy-multi'],
  ...['nsenter', 'unshare', 'true', 'setpriv', 'mount', 'sh', 'dash', 'cat', 'env', 'ls', 'mkdir', 'tee', 'sleep'],
];

/** Files and folders besides programs and libraries, as far as the architecture has them. */
export const FILES = [
  // Names of protocols and services in listings of nft, of routing protocols and groups in those of ip.
  ...['/etc/protocols', '/etc/services', '/etc/iproute2'],
  ...['/etc/debian_version', '/usr/lib/os-release'],
];

/** Libraries that are loaded by name while a program runs: AEAD engine of the router, a match of iptables-legacy. */
export const LOADED_LIBRARIES = ['libIPSec_MB.so.1', 'xtables/libxt_comment.so', 'xtables/libxt_standard.so'];

/** Of the build, everything but the programs that only a checkout uses. */
export const DIST_FILES = [...NODE_PROGRAMS, 'heddle-cni', 'web'];

/** Packages that the build does not put into its bundles. @param {string} arch as Node calls it */
export const nodePackages = (arch) => ['koffi', `@koromix/koffi-linux-${arch}`];

/** Of a package, its programs and its licence; sources in C++ and the library for musl are left out. */
export function isPackageFile(path) {
  return /\.(c?js|json|node)$|LICENSE/.test(path) && !path.includes('/musl_') && !path.includes('/vendor/');
}

/** Of the packed layer, which each node loads. */
const MAX_LAYER_BYTES = 110e6;

/** What is wrong with the size of the packed layer, or null. */
export function sizeProblem(layerBytes) {
  if (layerBytes <= MAX_LAYER_BYTES) return null;
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  const sizes = `${megabytes(layerBytes)} packed, above the limit of ${megabytes(MAX_LAYER_BYTES)}`;
  return `The image has ${sizes}. See what grew (npm run image -- --root FOLDER, then du), or raise the limit in deploy/image/contents.mjs.`;
}
