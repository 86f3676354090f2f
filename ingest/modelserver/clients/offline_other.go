//go:build !linux

package clients

import "errors"

// Offline is for Linux only.
func Offline() error { return errors.ErrUnsupported }
