"""Witness in many network namespaces at once. In each place it sends UDP datagrams to all targets again and again, also while these
cannot be reached, and sees every packet that comes in, by a packet socket. Reads lines of JSON: {"open": NAME, "netns": PATH,
"targets": [[ADDRESS, PORT], ...]}, {"close": [NAME, ...]}, {"seen": true}; answers each with a line, the last with a list of
[place, sender, source, destination, port], each once. Needs root."""
import ctypes, json, os, select, socket, struct, sys, time

CLONE_NEWNET, SO_RCVBUFFORCE = 0x40000000, 33
SEND_EVERY_S = 0.005
RECEIVE_BUFFER_BYTES = 4 << 20
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6, UDP, VLAN_FREE_HEADER = 3, 0x0800, 0x86DD, 17, 14
libc = ctypes.CDLL(None, use_errno=True)
home = os.open('/proc/self/ns/net', os.O_RDONLY)
places, listeners, seen = {}, {}, {}


def enter(descriptor):
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'setns')


def open_place(name, netns, targets):
    namespace = os.open(netns, os.O_RDONLY)
    enter(namespace)
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    senders = {family: socket.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6)}
    enter(home)
    os.close(namespace)
    listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    for each in (listener, *senders.values()):
        each.setblocking(False)
    aims = [(senders[socket.AF_INET6 if ':' in host else socket.AF_INET], (host, port)) for host, port in targets]
    places[name] = (listener, senders, aims)
    listeners[listener.fileno()] = name
    poller.register(listener, select.POLLIN)


def close_place(name):
    listener, senders, _ = places.pop(name)
    poller.unregister(listener)
    del listeners[listener.fileno()]
    for each in (listener, *senders.values()):
        each.close()


def send_all():
    for name, (_, _, aims) in list(places.items()):
        for sender, target in aims:
            try:
                sender.sendto(name.encode(), target)
            except OSError:
                pass  # no address, no route, or an ICMP error of a datagram before


def receive(name):
    for _ in range(1000):
        try:
            frame, (_, _, kind, _, _) = places[name][0].recvfrom(2048)
        except OSError:
            return  # nothing is left, or the interface went down
        packet = frame[VLAN_FREE_HEADER:]
        if kind == socket.PACKET_OUTGOING or len(packet) < 20:
            continue
        protocol, = struct.unpack('!H', frame[12:14])
        if protocol == ETH_P_IP and packet[9] == UDP:
            note(name, socket.AF_INET, packet[12:16], packet[16:20], packet[(packet[0] & 15) * 4:])
        elif protocol == ETH_P_IPV6 and packet[6] == UDP:
            note(name, socket.AF_INET6, packet[8:24], packet[24:40], packet[40:])


def note(name, family, source, destination, datagram):
    _, port, length = struct.unpack('!HHH', datagram[:6])
    sender = datagram[8:length].decode(errors='replace')
    seen[(name, sender, socket.inet_ntop(family, source), socket.inet_ntop(family, destination), port)] = True


def obey(line):
    command = json.loads(line)
    if 'open' in command:
        open_place(command['open'], command['netns'], command['targets'])
    for name in command.get('close', []):
        close_place(name)
    print(json.dumps(list(seen) if 'seen' in command else 'done'), flush=True)


poller = select.poll()
poller.register(0, select.POLLIN)
unread, next_send = b'', time.monotonic()
while True:
    for descriptor, _ in poller.poll(max(0, (next_send - time.monotonic()) * 1000)):
        if descriptor in listeners:
            receive(listeners[descriptor])
        elif descriptor == 0:
            read = os.read(0, 65536)
            if not read:
                sys.exit()
            *lines, unread = (unread + read).split(b'\n')
            for line in lines:
                obey(line)
    if time.monotonic() >= next_send:
        send_all()
        next_send = time.monotonic() + SEND_EVERY_S
