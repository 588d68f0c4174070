from tests.cluster.cluster import Cluster


def test_a_namespace_of_the_tests_own_is_there(control_plane: Cluster, namespace: str) -> None:
    assert namespace in control_plane.kubectl("get", "namespaces", "--output=name")
