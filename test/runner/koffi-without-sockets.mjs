/** koffi for unit tests: all of it, but for the functions of the C library that open a socket. */
import koffi from '../../node_modules/koffi/index.js';
import { refuse } from './refuse.mjs';

const FORBIDDEN = ['socket', 'socketpair'];

function load(path) {
  const library = koffi.load(path);
  const func = (name, ...signature) =>
    FORBIDDEN.includes(name) ? () => refuse(`call ${name}()`) : library.func(name, ...signature);
  return { func };
}

export default { ...koffi, load };
