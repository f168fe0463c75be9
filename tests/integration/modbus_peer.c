/* A peer made of libmodbus: a server whose register i holds 3 * i + 7, or a client that reads and writes.

   modbus_peer server tcp PORT | server rtu DEVICE | client tcp PORT | client rtu DEVICE      (unit 7, 115200 8N1) */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static modbus_t *opened(const char *kind, const char *where)
{
    modbus_t *context = strcmp(kind, "tcp") == 0 ? modbus_new_tcp("127.0.0.1", atoi(where))
                                                 : modbus_new_rtu(where, 115200, 'N', 8, 1);
    if (context == NULL) {
        fprintf(stderr, "%s\n", modbus_strerror(errno));
        exit(2);
    }
    modbus_set_slave(context, 7);
    return context;
}

static int serve(const char *kind, const char *where)
{
    modbus_t *context = opened(kind, where);
    modbus_mapping_t *mapping = modbus_mapping_new(1000, 1000, 1000, 1000);
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    int listening = -1;
    for (int i = 0; i < 1000; i++) {
        mapping->tab_registers[i] = mapping->tab_input_registers[i] = 3 * i + 7;
        mapping->tab_bits[i] = mapping->tab_input_bits[i] = i % 3 == 0;
    }
    if (strcmp(kind, "tcp") == 0)
        listening = modbus_tcp_listen(context, 1);
    else if (modbus_connect(context) != 0)
        return 2;
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        if (listening >= 0)
            modbus_tcp_accept(context, &listening);
        for (;;) {
            int size = modbus_receive(context, query);
            if (size > 0)
                modbus_reply(context, query, size, mapping);
            else if (size < 0 && listening >= 0)
                break;
        }
        modbus_close(context);
    }
}

static int ask(const char *kind, const char *where)
{
    modbus_t *context = opened(kind, where);
    uint16_t words[4];
    uint8_t bits[3];
    modbus_set_response_timeout(context, 2, 0);
    if (modbus_connect(context) != 0)
        return 2;
    usleep(50000);
    if (modbus_read_input_registers(context, 9, 2, words) != 2)
        goto failed;
    printf("input %u %u\n", words[0], words[1]);
    if (modbus_write_register(context, 30, 513) != 1)
        goto failed;
    words[0] = 1, words[1] = 2, words[2] = 65535;
    if (modbus_write_registers(context, 31, 3, words) != 3)
        goto failed;
    if (modbus_read_registers(context, 30, 4, words) != 4)
        goto failed;
    printf("holding %u %u %u %u\n", words[0], words[1], words[2], words[3]);
    if (modbus_read_input_bits(context, 3, 1, bits) != 1)
        goto failed;
    printf("bit %u\n", bits[0]);
    if (modbus_read_registers(context, 500, 4, words) == -1)
        printf("refused: %s\n", modbus_strerror(errno));
    modbus_close(context);
    return 0;
failed:
    printf("failed: %s\n", modbus_strerror(errno));
    return 1;
}

int main(int count, char **words)
{
    if (count != 4)
        return 2;
    return strcmp(words[1], "server") == 0 ? serve(words[2], words[3]) : ask(words[2], words[3]);
}
