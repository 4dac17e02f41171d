/**
 * Numbers and struct layouts of the Linux user-space ABI (include/uapi), little-endian 64-bit: identical on x86-64 and
 * arm64 unless a line says otherwise. The only file of the router with constants of the kernel.
 */

// fcntl.h (O_* below are the same on x86-64 and arm64, and the flags of sockets and eventfd(2) too), poll.h, errno.h
export const O_RDWR = 0o2;
export const O_RDONLY = 0;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const POLLIN = 0x1;
export const POLLOUT = 0x4;
export const SIOCOUTQ = 0x5411;
export const POLLERR = 0x8;
export const EINTR = 4;
export const EIO = 5;
export const EAGAIN = 11;
export const ENODEV = 19;
export const EINVAL = 22;
export const EADDRNOTAVAIL = 99;
export const ENETUNREACH = 101;
export const EMSGSIZE = 90;
export const ENOBUFS = 105;

// sched.h
export const CLONE_NEWNET = 0x40000000;

// mman.h
export const PROT_READ_WRITE = 3;
export const MAP_PRIVATE_ANONYMOUS = 0x22;
/** Fails where something is mapped already; kernels before 4.17 take the address as a hint. */
export const MAP_FIXED_NOREPLACE = 0x100000;
export const MADV_HUGEPAGE = 14;

// linux/if_tun.h
export const IFF_TAP = 0x0002;
export const IFF_NO_PI = 0x1000;
export const IFF_MULTI_QUEUE = 0x0100;
export const IFF_VNET_HDR = 0x4000;
export const TUNSETIFF = 0x400454ca;
export const TUNGETIFF = 0x800454d2;
export const TUNSETOFFLOAD = 0x400454d0;
export const TUN_F_CSUM = 0x01;
export const TUN_F_TSO4 = 0x02;
export const TUN_F_TSO6 = 0x04;
export const TUN_F_TSO_ECN = 0x08;
export const TUN_F_USO4 = 0x20;
export const TUN_F_USO6 = 0x40;
/** struct ifreq: 16 bytes of name, then a union of 24. */
export const IFREQ_BYTES = 40;
export const IFREQ_UNION = 16;

// linux/virtio_net.h: struct virtio_net_hdr
export const VIRTIO_NET_HDR_BYTES = 10;
export const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
export const VIRTIO_NET_HDR_F_DATA_VALID = 2;
export const VIRTIO_NET_HDR_GSO_NONE = 0;
export const VIRTIO_NET_HDR_GSO_TCPV4 = 1;
export const VIRTIO_NET_HDR_GSO_TCPV6 = 4;
export const VIRTIO_NET_HDR_GSO_UDP_L4 = 5;
export const VIRTIO_NET_HDR_GSO_ECN = 0x80;

// sys/socket.h, netinet/in.h, linux/udp.h
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_SEQPACKET = 5;
export const SOL_SOCKET = 1;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_REUSEPORT = 15;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_ATTACH_REUSEPORT_CBPF = 51;
export const SO_DOMAIN = 39;
export const IPPROTO_IP = 0;
export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_PKTINFO = 8;
export const IP_MTU_DISCOVER = 10;
export const IP_RECVTOS = 13;
export const IPPROTO_IPV6 = 41;
export const IPV6_UNICAST_HOPS = 16;
export const IPV6_MTU_DISCOVER = 23;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_HOPLIMIT = 52;
export const IPV6_RECVTCLASS = 66;
export const IPV6_TCLASS = 67;
/** Set DF, and ignore ICMP: the mesh core searches the path MTU (RFC 8899). */
export const PMTUDISC_PROBE = 3;
export const SOL_NETLINK = 270;
export const NETLINK_CAP_ACK = 10;
export const NETLINK_EXT_ACK = 11;
export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;
export const MSG_DONTWAIT = 0x40;
export const MSG_CMSG_CLOEXEC = 0x40000000;
export const SCM_RIGHTS = 1;

/** struct sockaddr_in6: family u16, port be16, flowinfo u32, address 16 bytes, scope u32. */
export const SOCKADDR_IN6_BYTES = 28;
export const SOCKADDR_IN_BYTES = 16;
/** struct sockaddr_un: family u16, path 108 bytes with its NUL. */
export const SOCKADDR_UN_BYTES = 110;
/** Room kept for any socket address of the internet. */
export const SOCKADDR_ROOM = 32;

/** struct iovec: base u64, length u64. */
export const IOVEC_BYTES = 16;
/** struct mmsghdr: struct msghdr (56 bytes), then the message length u32 and padding. */
export const MMSGHDR_BYTES = 64;
export const MSG_NAME = 0;
export const MSG_NAMELEN = 8;
export const MSG_IOV = 16;
export const MSG_IOVLEN = 24;
export const MSG_CONTROL = 32;
export const MSG_CONTROLLEN = 40;
export const MSG_FLAGS = 48;
export const MSG_LENGTH = 56;
/** struct cmsghdr: length u64, level u32, type u32; then data. */
export const CMSG_DATA = 16;
export const CMSG_UDP_SEGMENT_BYTES = 18;
/** Control messages begin at multiples of 8. */
export const CMSG_UDP_SEGMENT_ROOM = 24;
export const CMSG_ROOM = 128;

/** struct pollfd: fd i32, events u16, revents u16. */
export const POLLFD_BYTES = 8;

/** The kernel refuses more segments in one GSO send (UDP_MAX_SEGMENTS before Linux 6.9), and more bytes than a datagram. */
export const UDP_MAX_SEGMENTS = 64;
export const UDP_MAX_PAYLOAD_BYTES = 65507;

// sys/prctl.h
export const PR_SET_TIMERSLACK = 29;
export const PR_SET_NO_NEW_PRIVS = 38;
export const PR_SET_DUMPABLE = 4;
export const PR_CAPBSET_DROP = 24;

// linux/seccomp.h
/** The same on all architectures, as all calls since Linux 5.1. */
export const SYS_PIDFD_OPEN = 434;
export const SYS_PIDFD_GETFD = 438;
export const SYS_SECCOMP = { x64: 317, arm64: 277 } as const;
export const SECCOMP_SET_MODE_FILTER = 1;
/** Flags, best first: all threads (1), log what is refused (2), no slower code against side channels (4; Linux 4.17). */
export const SECCOMP_OF_ALL_THREADS = [0b111, 0b001] as const;
export const SECCOMP_OF_THIS_THREAD = [0b100, 0] as const;

// sched.h, struct sched_param, struct timespec (two i64: seconds, nanoseconds)
export const SCHED_OTHER = 0;
export const SCHED_BATCH = 3;
export const SCHED_PARAM_BYTES = 4;
export const TIMESPEC_BYTES = 16;
