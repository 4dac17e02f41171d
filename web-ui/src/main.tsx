/** Entry of the page. */
import { render } from 'preact';
import { startLiveFeed } from './state/live-feed.js';
import { startPeerDetail } from './state/peer-detail.js';
import { startPolicies } from './state/policies.js';
import { startStore } from './state/store.js';
import { startTheme } from './state/theme.js';
import './styles/index.css';
import { App } from './views/app.js';
import { startMap } from './views/map-state.js';

startTheme();
startStore();
startMap();
startPeerDetail();
startPolicies();
startLiveFeed();

const place = document.getElementById('app');
if (place !== null) render(<App />, place);
