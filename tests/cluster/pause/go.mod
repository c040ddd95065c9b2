// What holds a pod's network open: the smallest program that waits to be told to go.
module hingecraft.io/tests/cluster/pause

go 1.26.0

tool hingecraft.io/tests/cluster/pause
