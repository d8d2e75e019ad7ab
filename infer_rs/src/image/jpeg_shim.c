/* Pillow's decoding loop on the plain libjpeg API, in one call for a file in memory.
 *
 * C because libjpeg reports fatal errors by a function that may not return: setjmp and longjmp stay within this file.
 * The source suspends instead of inventing an end marker, as Pillow's does: that is what tells a truncated file from a whole one.
 */
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

enum { DONE = 0, BROKEN = 1, TRUNCATED = 2, MISMATCH = 3 };

struct failure {
    struct jpeg_error_mgr base;
    jmp_buf back;
    char *message;
};

static void on_error(j_common_ptr info) {
    struct failure *failure = (struct failure *)info->err;
    failure->base.format_message(info, failure->message);
    longjmp(failure->back, 1);
}

/* Warnings are tolerated and not printed. */
static void on_message(j_common_ptr info) { (void)info; }

static void nothing(j_decompress_ptr info) { (void)info; }

static boolean suspend(j_decompress_ptr info) {
    (void)info;
    return FALSE;
}

static void skip(j_decompress_ptr info, long count) {
    struct jpeg_source_mgr *source = info->src;
    if (count <= 0) return;
    /* All the input is here: what is to be skipped beyond its end can never arrive. */
    if ((size_t)count > source->bytes_in_buffer) count = (long)source->bytes_in_buffer;
    source->next_input_byte += count;
    source->bytes_in_buffer -= (size_t)count;
}

/* `out`: height rows of width * channels bytes, zeroed. `message`: JMSG_LENGTH_MAX bytes, set when the result is BROKEN. */
int concord_jpeg_decode(const unsigned char *data, size_t size, unsigned width, unsigned height, int channels, unsigned char *out,
                        char *message) {
    struct jpeg_decompress_struct info;
    struct jpeg_source_mgr source;
    struct failure failure;
    volatile int result = TRUNCATED;
    volatile unsigned row = 0;

    memset(&info, 0, sizeof info);
    memset(&source, 0, sizeof source);
    info.err = jpeg_std_error(&failure.base);
    failure.base.error_exit = on_error;
    failure.base.output_message = on_message;
    failure.message = message;
    if (setjmp(failure.back)) {
        jpeg_destroy_decompress(&info);
        return BROKEN;
    }
    jpeg_create_decompress(&info);
    source.init_source = nothing;
    source.fill_input_buffer = suspend;
    source.skip_input_data = skip;
    source.resync_to_restart = jpeg_resync_to_restart;
    source.term_source = nothing;
    source.next_input_byte = data;
    source.bytes_in_buffer = size;
    info.src = &source;

    int header;
    do {
        header = jpeg_read_header(&info, FALSE);
    } while (header == JPEG_HEADER_TABLES_ONLY);
    if (header == JPEG_SUSPENDED) goto out;
    if (info.image_width > width || info.num_components > channels) {
        result = MISMATCH;
        goto out;
    }
    info.out_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    if (!jpeg_start_decompress(&info)) goto out;
    while (row < height) {
        JSAMPROW line = out + (size_t)row * width * (unsigned)channels;
        if (jpeg_read_scanlines(&info, &line, 1) != 1) goto out;
        row++;
    }
    /* A missing end marker after the last row is no fault; a fatal error here is. */
    (void)jpeg_finish_decompress(&info);
    result = DONE;
out:
    jpeg_destroy_decompress(&info);
    return result;
}
