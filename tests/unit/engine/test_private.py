"""The private Engine's networks."""

from ipaddress import IPv4Network

from modelarts_nb.engine.private import NETWORKS, free_block


def networks(*texts):
    return [IPv4Network(text) for text in texts]


def test_the_wished_block_is_taken_where_nothing_is_in_its_way():
    assert free_block([], 0) == IPv4Network("10.208.0.0/20")
    assert free_block([], 1) == IPv4Network("10.208.16.0/20")


def test_a_block_with_a_route_in_it_is_left_out():
    assert free_block(networks("10.208.0.7/32"), 0) == IPv4Network("10.208.16.0/20")


def test_a_company_that_routes_all_of_10_and_172_leaves_192_168():
    found = free_block(networks("10.0.0.0/8", "172.16.0.0/12", "192.168.192.0/24"), 5)
    assert found == IPv4Network("192.168.208.0/20")


def test_the_search_goes_once_around():
    blocks = [block for network in NETWORKS for block in network.subnets(new_prefix=20)]
    assert free_block(blocks[:-1], 10**9) == blocks[-1]
    assert free_block([*blocks[1:]], len(blocks) - 1) == blocks[0]
    assert free_block(NETWORKS, 3) is None
