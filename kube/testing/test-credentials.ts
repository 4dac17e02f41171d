/** Certificate of a server on 127.0.0.1, and folders of credentials as the kubelet mounts them, for tests. Needs openssl. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HttpsApiServer } from '../https-api-server.js';

export class TestCredentials {
  readonly folder = mkdtempSync(join(tmpdir(), 'heddle-kube-'));
  readonly keyFile = join(this.folder, 'key.pem');
  /** Signed by its own key, so it is its own authority. */
  readonly certFile = join(this.folder, 'ca.crt');

  constructor() {
    const subject = ['-subj', '/CN=kubernetes', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const files = ['-keyout', this.keyFile, '-out', this.certFile];
    execFileSync('openssl', ['req', '-x509', ...algorithm, ...files, ...subject], { stdio: 'ignore' });
  }

  /** Folder of a service account with this token. */
  of(token: string): string {
    const folder = join(this.folder, token);
    mkdirSync(folder, { recursive: true });
    copyFileSync(this.certFile, join(folder, 'ca.crt'));
    writeFileSync(join(folder, 'token'), `${token}\n`);
    return folder;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

export function apiClient(url: string, credentials = '/nowhere'): HttpsApiServer {
  return new HttpsApiServer({ url: new URL(url), credentials, readFile: (path) => readFile(path, 'utf8') });
}
