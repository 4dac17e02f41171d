/** Icons of the page, in the current text colour. States differ in shape as well as in colour. */
import type { ComponentChildren } from 'preact';
import type { TopologyNode } from '../../../common/api.js';

function Icon({ children, size = 16 }: { children: ComponentChildren; size?: number }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

const LOCK =
  'M5 7V5.2a3 3 0 0 1 6 0V7M4.4 7h7.2c.5 0 .9.4.9.9v4.2c0 .5-.4.9-.9.9H4.4a.9.9 0 0 1-.9-.9V7.9c0-.5.4-.9.9-.9Z';

export const LockIcon = ({ size = 16 }: { size?: number }) => (
  <Icon size={size}>
    <path d={LOCK} />
  </Icon>
);

export const SearchIcon = () => (
  <Icon>
    <circle cx="7" cy="7" r="4.2" />
    <path d="m10.3 10.3 3.2 3.2" />
  </Icon>
);

export const SunIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="2.8" />
    <path d="M8 1.6v1.2M8 13.2v1.2M1.6 8h1.2M13.2 8h1.2M3.5 3.5l.8.8M11.7 11.7l.8.8M12.5 3.5l-.8.8M4.3 11.7l-.8.8" />
  </Icon>
);

export const MoonIcon = () => (
  <Icon>
    <path d="M13.4 9.6A5.7 5.7 0 0 1 6.4 2.6a5.7 5.7 0 1 0 7 7Z" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="m4 4 8 8M12 4l-8 8" />
  </Icon>
);

export const CopyIcon = () => (
  <Icon size={14}>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.4" />
    <path d="M10.5 5.5V3.9c0-.8-.6-1.4-1.4-1.4H3.9c-.8 0-1.4.6-1.4 1.4v5.2c0 .8.6 1.4 1.4 1.4h1.6" />
  </Icon>
);

export const CheckIcon = () => (
  <Icon size={14}>
    <path d="m3 8.5 3.2 3.2L13 5" />
  </Icon>
);

export const PlusIcon = () => (
  <Icon>
    <path d="M8 3.5v9M3.5 8h9" />
  </Icon>
);

export const MinusIcon = () => (
  <Icon>
    <path d="M3.5 8h9" />
  </Icon>
);

export const FitIcon = () => (
  <Icon>
    <path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10" />
  </Icon>
);

export const UnpinIcon = () => (
  <Icon>
    <path d="M8 1.8c2.2 0 4 1.7 4 3.9C12 8.6 8 13 8 13S4 8.6 4 5.7c0-2.2 1.8-3.9 4-3.9ZM2.5 2.5l11 11" />
  </Icon>
);

export const WarningIcon = ({ size = 16 }: { size?: number }) => (
  <Icon size={size}>
    <path d="M8 2.6 14.2 13.3H1.8ZM8 6.7v3M8 11.6v.1" />
  </Icon>
);

export const ChevronIcon = ({ up }: { up: boolean }) => (
  <Icon size={14}>
    <path d={up ? 'm4 10 4-4 4 4' : 'm4 6 4 4 4-4'} />
  </Icon>
);

/** Logo: three threads through their heddles. */
export const Mark = () => (
  <svg class="mark" width="28" height="28" viewBox="0 0 32 32" fill="none" aria-hidden="true">
    <rect width="32" height="32" rx="8.5" class="mark-ground" />
    <path d="M9 5v7m0 8v7M16 5v7m0 8v7M23 5v7m0 8v7" class="mark-thread" />
    <g class="mark-eye">
      <ellipse cx="9" cy="16" rx="2.3" ry="4" />
      <ellipse cx="16" cy="16" rx="2.3" ry="4" />
      <ellipse cx="23" cy="16" rx="2.3" ry="4" />
    </g>
  </svg>
);

/** Shape of a state in a square of 12 around its middle, for use inside another SVG. */
export function StateShape({ state }: { state: TopologyNode['state'] }) {
  switch (state) {
    case 'self':
      return (
        <g class="state-shape is-self">
          <circle r="4.6" class="outline" />
          <circle r="1.8" class="solid" />
        </g>
      );
    case 'up':
      return (
        <g class="state-shape is-up">
          <circle r="5" class="solid" />
          <path d="m-2.3 .1 1.6 1.6 3-3.2" class="inner" />
        </g>
      );
    case 'idle':
      return (
        <g class="state-shape is-idle">
          <circle r="4.4" class="outline" />
        </g>
      );
    case 'connecting':
      return (
        <g class="state-shape is-connecting">
          <circle r="4.4" class="outline" stroke-dasharray="3 2.5" />
        </g>
      );
    case 'stale':
      return (
        <g class="state-shape is-stale">
          <path d="M0-5 5.4 4.5H-5.4Z" class="solid" />
          <path d="M0-1.6v2.7M0 2.9v.1" class="inner" />
        </g>
      );
    case 'down':
      return (
        <g class="state-shape is-down">
          <rect x="-4.7" y="-4.7" width="9.4" height="9.4" rx="2.2" class="solid" />
          <path d="m-2-2 4 4m0-4-4 4" class="inner" />
        </g>
      );
  }
}

export const StateIcon = ({ state }: { state: TopologyNode['state'] }) => (
  <svg class="icon" width="14" height="14" viewBox="-6 -6 12 12" aria-hidden="true">
    <StateShape state={state} />
  </svg>
);

export const LOCK_PATH = LOCK;
