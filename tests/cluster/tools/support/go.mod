module slipway.dev/tests/cluster/tools/support

go 1.26.0
