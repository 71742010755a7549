// Eight steps of the depth to one turn of the loop over a tile.

const UNROLLED = 8u;

fn add_steps(i_a: u32, i_b: u32) {
    add_products(i_a, i_b);
    add_products(i_a + A_LINE, i_b + B_LINE);
    add_products(i_a + 2u * A_LINE, i_b + 2u * B_LINE);
    add_products(i_a + 3u * A_LINE, i_b + 3u * B_LINE);
    add_products(i_a + 4u * A_LINE, i_b + 4u * B_LINE);
    add_products(i_a + 5u * A_LINE, i_b + 5u * B_LINE);
    add_products(i_a + 6u * A_LINE, i_b + 6u * B_LINE);
    add_products(i_a + 7u * A_LINE, i_b + 7u * B_LINE);
}
