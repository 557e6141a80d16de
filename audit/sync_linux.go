package audit

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes data and size durable, not the times of the file.
func syncData(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return err
		}
	}
}
