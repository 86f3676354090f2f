package clients

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"syscall"
)

// Offline puts the calling goroutine, and what is started and listened to from
// it, into a network of its own that has the loopback interface only. It needs
// root. The goroutine keeps its thread, which ends with it.
func Offline() error {
	runtime.LockOSThread()
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("a network with loopback only: %w", err)
	}
	return loopbackUp()
}

// loopbackUp switches the first interface on: a netlink message of type
// RTM_NEWLINK, with a header of 16 bytes and an ifinfomsg of 16.
func loopbackUp() error {
	sock, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer syscall.Close(sock)
	var m []byte
	m = binary.NativeEndian.AppendUint32(m, 32)
	m = binary.NativeEndian.AppendUint16(m, syscall.RTM_NEWLINK)
	m = binary.NativeEndian.AppendUint16(m, syscall.NLM_F_REQUEST|syscall.NLM_F_ACK)
	m = append(m, make([]byte, 8)...)                       // sequence, sender
	m = append(m, make([]byte, 4)...)                       // family, type
	m = binary.NativeEndian.AppendUint32(m, 1)              // the interface
	m = binary.NativeEndian.AppendUint32(m, syscall.IFF_UP) // its flags, and which of them to change
	m = binary.NativeEndian.AppendUint32(m, syscall.IFF_UP)
	if err := syscall.Sendto(sock, m, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := syscall.Recvfrom(sock, answer, 0)
	if err != nil {
		return err
	}
	if n < 20 {
		return fmt.Errorf("loopback: an answer of %d bytes", n)
	}
	if code := int32(binary.NativeEndian.Uint32(answer[16:])); code != 0 {
		return fmt.Errorf("loopback: %w", syscall.Errno(-code))
	}
	return nil
}
