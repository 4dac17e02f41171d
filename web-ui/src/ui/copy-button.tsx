/** Button that copies a text and confirms it for a moment. */
import { useSignal } from '@preact/signals';
import { CheckIcon, CopyIcon } from './icons.js';

const SAID_MS = 1_600;

export function CopyButton({ text, label }: { text: string; label: string }) {
  const copied = useSignal(false);
  const copy = async (): Promise<void> => {
    await copyText(text);
    copied.value = true;
    setTimeout(() => (copied.value = false), SAID_MS);
  };
  return (
    <button type="button" class="icon-button" title={label} aria-label={label} onClick={() => void copy()}>
      {copied.value ? <CheckIcon /> : <CopyIcon />}
      <span class="visually-hidden" role="status">
        {copied.value ? 'copied' : ''}
      </span>
    </button>
  );
}

/** By a hidden field, since the clipboard API is missing on pages that are neither HTTPS nor loopback. */
async function copyText(text: string): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const field = document.createElement('textarea');
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand('copy');
  field.remove();
}

export function Command({ text }: { text: string }) {
  return (
    <div class="command">
      <code>{text}</code>
      <CopyButton text={text} label={`Copy: ${text}`} />
    </div>
  );
}
