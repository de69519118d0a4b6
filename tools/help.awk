# Prints the Makefile's own comments: `target: ... ## text` lines under `##@ Group` headings.
BEGIN {
    FS = ":.*## "
    print "Darvaz, the gateway for MicroPython boards. Start with: make serve"
}
/^##@ / { printf "\n%s\n", substr($0, 5); next }
/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $1, $2 }
