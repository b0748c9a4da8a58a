// Redpanda Connect's engine (Benthos) with its own components and nothing of ours: runs the configuration that is named, until its
// input ends, and writes what the process used since it began to the file that is named second.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(config, usage string) error {
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	builder := service.NewStreamBuilder()
	if err := builder.SetYAML(string(text)); err != nil {
		return err
	}
	stream, err := builder.Build()
	if err != nil {
		return err
	}
	if err := stream.Run(context.Background()); err != nil {
		return err
	}
	return writeUsage(usage)
}

func writeUsage(path string) error {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return err
	}
	peak, err := peakMiB()
	if err != nil {
		return err
	}
	seconds := func(time syscall.Timeval) float64 { return float64(time.Sec) + float64(time.Usec)/1e6 }
	text, err := json.Marshal(map[string]float64{
		"cpuSeconds": seconds(used.Utime) + seconds(used.Stime),
		"peakMiB":    peak,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// Not ru_maxrss: it begins with what the process that started this one had then.
func peakMiB() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kilobytes float64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		return 0, err
	}
	return kilobytes / 1024, nil
}
